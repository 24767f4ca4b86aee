/** The origin of a URL. @throws TypeError that says which option is wrong */
export function readUrl(option: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new TypeError(`${option} must look like http://127.0.0.1:9000`)
  return new URL(text).origin
}
