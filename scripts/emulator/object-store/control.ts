import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { mayControl } from '#scripts/emulator/answer-control.ts'
import type { Answer } from './answer.ts'
import type { Failures } from './failures.ts'

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const NewFailure = v.strictObject({
  request: v.string(),
  times: v.optional(Count),
  after: v.optional(Count),
  latencyMs: v.optional(Count),
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599))),
  connection: v.optional(v.picklist(['drop', 'silent', 'cut', 'stall'])),
})

const MAX_CHARS = 64 * 1024

/** The control API: POST and DELETE /_control/failures. */
export async function controlAnswer(failures: Failures, message: IncomingMessage): Promise<Answer> {
  if (!mayControl(message)) return json({ error: 'only programs on this machine may do this' }, 403)
  const text = await readText(message)
  if (message.url !== '/_control/failures') return json({ error: 'not found' }, 404)
  if (message.method === 'DELETE') failures.clear()
  else if (message.method === 'POST') return addFailure(failures, text)
  else return json({ error: 'method not allowed' }, 405)
  return json({ ok: true })
}

function addFailure(failures: Failures, text: string): Answer {
  try {
    failures.add(v.parse(NewFailure, JSON.parse(text)))
    return json({ ok: true })
  } catch (error) {
    return json({ error: error instanceof Error ? error.message : 'failed' }, 400)
  }
}

function json(value: unknown, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

async function readText(message: IncomingMessage): Promise<string> {
  let text = ''
  message.setEncoding('utf8')
  for await (const part of message) {
    text += part
    if (text.length > MAX_CHARS) throw new RangeError('The request is too long')
  }
  return text
}
