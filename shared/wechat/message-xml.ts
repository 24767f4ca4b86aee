/** A message as XML, in the way WeChat writes it: text as CDATA, numbers bare, lists as elements of the same name. */
export function messageXml(message: Readonly<Record<string, unknown>>): string {
  return element('xml', message)
}

function element(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => element(name, each)).join('')
  return `<${name}>${content(value)}</${name}>`
}

function content(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([name, each]) => element(name, each))
      .join('')
  if (typeof value === 'number') return String(value)
  // What ends a CDATA section cannot stand in one.
  return `<![CDATA[${String(value).replaceAll(']]>', ']]]]><![CDATA[>')}]]>`
}
