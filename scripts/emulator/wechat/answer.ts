import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { errmsg } from './refusal.ts'

export interface Answer {
  readonly status: number
  readonly text: string
}

export function refused(errcode: number): Answer {
  const hex = (bytes: number) => randomBytes(bytes).toString('hex')
  return json({ errcode, errmsg: `${errmsg(errcode)} rid: ${hex(4)}-${hex(4)}-${hex(4)}` })
}

export function json(value: unknown, status = 200): Answer {
  return { status, text: JSON.stringify(value) }
}

export function send(response: ServerResponse, { status, text }: Answer): void {
  // WeChat says text/plain for JSON on some paths; clients must not depend on the type.
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}
