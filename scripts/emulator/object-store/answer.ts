import type { Readable } from 'node:stream'
import { escapeXml } from '#shared/storage/read-xml.ts'
import type { Refusal } from './refusal.ts'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: string | Readable
}

export type XmlValue = string | number | readonly XmlItem[]
export type XmlItem = readonly [name: string, value: XmlValue]

/** An XML answer out of names and values. */
export function xml(name: string, items: readonly XmlItem[], status = 200): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${element([name, items])}`
  return { status, headers: { 'content-type': 'application/xml' }, body }
}

export function refused(refusal: Refusal, resource: string, requestId: string): Answer {
  const { code, message, status } = refusal
  const items = { Code: code, Message: message, Resource: resource, RequestId: requestId }
  return xml('Error', Object.entries(items), status)
}

function element([name, value]: XmlItem): string {
  const content = typeof value === 'object' ? value.map(element).join('') : escapeXml(String(value))
  return `<${name}>${content}</${name}>`
}
