import type { App, CloudEvent, Invocation } from '#shared/http/app.ts'

const events: CloudEvent[] = []
let aborted = 0
let reading = 0
let background = 'none'

/** Answers what a test asks for by its path, and tells what it saw. */
const routes: Readonly<
  Record<string, (request: Request, invocation: Invocation) => Response | Promise<Response>>
> = {
  '/see': async (request, { requestId, clientIp, deadline, platform }) =>
    Response.json({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      body: await text(request),
      requestId,
      clientIp,
      leftMs: deadline - Date.now(),
      platform,
    }),
  '/state': () => Response.json({ events, aborted, reading, background }),
  '/throw': () => {
    throw new TypeError('a mistake of ours')
  },
  '/echo': (request) =>
    new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } }),
  '/unread': () => new Response('not read', { status: 413 }),
  '/none': () => new Response(null, { status: 204 }),
  '/cookies': () =>
    new Response('', {
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    }),
  '/broken': () => new Response(stream([new Uint8Array(1024)], () => Promise.reject(new Error('half way')))),
  '/two-steps': (request) => {
    const gate = new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
    return new Response(stream([new TextEncoder().encode('first')], () => gate))
  },
  '/hang': (request) =>
    new Promise((resolve) => {
      request.signal.addEventListener('abort', () => {
        aborted += 1
        resolve(new Response('too late'))
      })
    }),
  '/late': (_request, { signal }) =>
    new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(new Response(String(signal.reason.name)))),
    ),
  '/background': (_request, invocation) => {
    invocation.waitUntil(later(50).then(() => (background = 'done')))
    invocation.waitUntil(Promise.reject(new Error('background failure')))
    return new Response(background)
  },
  '/slow': async (request) => {
    await later(Number(new URL(request.url).searchParams.get('ms')))
    return new Response('done')
  },
}

export default {
  name: 'probe',
  async fetch(request, invocation) {
    const route = routes[new URL(request.url).pathname]
    return route === undefined ? new Response('no such path', { status: 404 }) : route(request, invocation)
  },
  async event(event) {
    if (event.data === 'fail') throw new Error('as asked')
    events.push(event)
  },
  async warm() {
    throw new Error('a warming that fails')
  },
  async close() {
    process.stdout.write('probe closed\n')
  },
} satisfies App

async function text(request: Request): Promise<string> {
  reading += 1
  const body = await request.text()
  reading -= 1
  return body
}

function stream(chunks: readonly Uint8Array[], last: () => Promise<void>): ReadableStream<Uint8Array> {
  const rest = [...chunks]
  return new ReadableStream({
    async pull(controller) {
      const chunk = rest.shift()
      if (chunk !== undefined) return controller.enqueue(chunk)
      await last()
      controller.close()
    },
  })
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
