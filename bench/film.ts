import { join } from 'node:path'
import { outputOf } from './output-of.ts'
import type { SentForm } from './send-form-worker.ts'

export const MB = 1_000_000

/** A server of forms, ours or a bare one. */
export interface FilmTaker {
  readonly what: string
  readonly url: string
  /** Of a server that asks who calls. */
  readonly token?: () => Promise<string>
}

/** Posts a film, from memory and from a process of its own. */
export async function postFilm({ what, url, token }: FilmTaker, sizeBytes: number): Promise<SentForm> {
  const worker = join(import.meta.dirname, 'send-form-worker.ts')
  const bearer = token === undefined ? [] : [await token()]
  const sent: SentForm = JSON.parse(
    await outputOf(process.execPath, [worker, url, String(sizeBytes), ...bearer]),
  )
  if (sent.status !== 201) throw new TypeError(`${what} answered ${sent.status}: ${sent.body}`)
  return sent
}

/** The id of a file by the answer to its form. */
export function fileId({ body }: SentForm): string {
  return JSON.parse(body).data.id
}
