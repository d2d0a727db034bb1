/** Files that a report takes in as text. */
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*/uPlot.iife.min.js" {
  const text: string;
  export default text;
}
declare module "*/draw.js" {
  const text: string;
  export default text;
}
