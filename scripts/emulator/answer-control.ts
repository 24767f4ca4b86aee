import type { IncomingMessage, ServerResponse } from 'node:http'
import * as v from 'valibot'

/** Does what a control call asks for, and answers with what came of it. */
export type ControlRoute = (body: unknown) => unknown

/** `METHOD /_control/…` → what it does. */
export type ControlRoutes = Readonly<Record<string, ControlRoute>>

const LOOPBACK = /^(::ffff:)?127\.|^::1$/

/** Only programs on this machine may control it: not other machines, and not web pages in a browser here. */
export function mayControl(request: Pick<IncomingMessage, 'headers' | 'socket'>): boolean {
  return LOOPBACK.test(request.socket.remoteAddress ?? '') && request.headers.origin === undefined
}

/** A route that takes what a schema describes, and refuses anything else. */
export function accepting<Schema extends v.GenericSchema>(
  schema: Schema,
  act: (input: v.InferOutput<Schema>) => unknown,
): ControlRoute {
  return (body) => act(v.parse(schema, body))
}

/** Answers a call below `/_control/`: 200, 400 with why it failed, 403 or 404. */
export async function answerControl(
  routes: ControlRoutes,
  request: IncomingMessage,
  text: string,
): Promise<readonly [status: number, value: unknown]> {
  if (!mayControl(request)) return [403, { error: 'only programs on this machine may do this' }]
  const name = `${request.method} ${request.url}`
  const act = Object.hasOwn(routes, name) ? routes[name] : undefined
  if (act === undefined) return [404, { error: 'not found', routes: Object.keys(routes) }]
  try {
    return [200, (await act(text === '' ? {} : JSON.parse(text))) ?? { ok: true }]
  } catch (error) {
    return [400, { error: error instanceof Error ? error.message : 'failed' }]
  }
}

export function sendJson(
  response: ServerResponse,
  [status, value]: readonly [status: number, value: unknown],
): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(`${JSON.stringify(value, null, 2)}\n`)
}
