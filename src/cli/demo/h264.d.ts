/**
 * What an import `with { type: "file" }` gives: the path of the file, also where it is embedded in
 * an executable.
 */
declare module "*.h264" {
  const path: string;
  export default path;
}
