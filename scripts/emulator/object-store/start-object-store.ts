import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { listen } from '#scripts/emulator/listen.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import { sleep } from '#shared/deadline.ts'
import { openDisk } from '#shared/storage/disk/disk.ts'
import type { Account } from './account.ts'
import { type Answer, refused } from './answer.ts'
import { postForm } from './bucket-routes.ts'
import { controlAnswer } from './control.ts'
import { createFailures, type Failures } from './failures.ts'
import { FLAVOURS, flavourOf } from './flavours.ts'
import { readIncoming } from './incoming.ts'
import { Refusal } from './refusal.ts'
import { route, type Shop } from './routes.ts'
import { sendAnswer } from './send-answer.ts'

export interface ObjectStoreOptions extends Account {
  /** Any free one unless given. */
  readonly port?: number
  readonly folder: string
  readonly bucket: string
  readonly clock?: Clock
}

/** A server that stores one bucket in a folder and speaks S3, COS and OSS, each told by how a request is signed. */
export interface LocalObjectStore {
  /** `http://127.0.0.1:<port>`, where the bucket's name begins the path; by `localhost` the host is the bucket. */
  readonly url: string
  readonly failures: Failures
  stop(): Promise<void>
}

/** Starts the store on 127.0.0.1. Signatures, policies and times are verified as the vendors do. */
export async function startObjectStore(options: ObjectStoreOptions): Promise<LocalObjectStore> {
  const { port = 0, folder, bucket, clock = systemClock, ...account } = options
  const shop: Shop = { bucket, account, disk: openDisk(folder), clock }
  const failures = createFailures()
  const stopping = new AbortController()

  const listening = await listen(
    (request, response) => serve(shop, failures, { request, response }, stopping.signal),
    port,
  )

  function stop(): Promise<void> {
    stopping.abort()
    return listening.stop()
  }

  return { url: listening.url, failures, stop }
}

async function serve(
  shop: Shop,
  failures: Failures,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  signal: AbortSignal,
): Promise<void> {
  if (request.url?.startsWith('/_control/') === true)
    return sendAnswer(response, await controlAnswer(failures, request), undefined)
  const parameters = new URL(request.url ?? '/', 'http://store').searchParams.keys()
  const failure = failures.take(request.method ?? '', parameters)
  if (failure?.latencyMs !== undefined) await sleep(failure.latencyMs, signal)
  if (failure?.connection === 'silent') return
  if (failure?.connection === 'drop') return void response.destroy()
  const requestId = randomUUID()
  const answer =
    failure?.status === undefined
      ? await answered(shop, request, requestId)
      : { ...refused(new Refusal('InternalError'), request.url ?? '/', requestId), status: failure.status }
  // An upload refused midway is not read to its end.
  if (!request.complete) response.setHeader('connection', 'close')
  await sendAnswer(response, answer, failure?.connection)
}

async function answered(shop: Shop, message: IncomingMessage, requestId: string): Promise<Answer> {
  try {
    const request = readIncoming(message, shop.bucket)
    if (request.bucket !== shop.bucket) throw new Refusal('NoSuchBucket')
    if (request.method === 'POST' && request.key === undefined) return await postForm(shop, request)
    const flavour = flavourOf(request)
    const { verify, headerPrefix } = FLAVOURS[flavour]
    verify(request, shop.account, shop.clock())
    const answer = await route(shop, flavour, request)
    return { ...answer, headers: { ...answer.headers, [`${headerPrefix}request-id`]: requestId } }
  } catch (error) {
    if (message.destroyed && !message.complete) throw error // nobody is left to be told
    const refusal = error instanceof Refusal ? error : new Refusal('InternalError', String(error))
    return refused(refusal, message.url?.split('?')[0] ?? '/', requestId)
  }
}
