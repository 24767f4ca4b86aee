import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { once as nextEvent } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { abandonable, deadline, limited, sleep, within } from '#shared/deadline.ts'
import { isUuid, randomId, uuidv7 } from '#shared/ids.ts'
import { once } from '#shared/once.ts'

describe('ids', () => {
  test('a UUIDv7 carries its time, version and variant, and later ones sort later', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 2 }), (ms) => {
        const id = uuidv7(ms)

        expect(isUuid(id)).toBe(true)
        expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(ms)
        expect(id).toMatch(/^.{8}-.{4}-7.{3}-[89ab].{3}-.{12}$/)
        expect(uuidv7(ms + 1) > id).toBe(true)
      }),
    )
  })

  test('random ids are 22 characters of base64url and never meet', () => {
    const ids = Array.from({ length: 1_000 }, randomId)

    expect(new Set(ids).size).toBe(1_000)
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
  })
})

describe('once', () => {
  test('callers at the same time share one opening', async () => {
    let opened = 0
    const open = once(async () => (opened += 1))

    expect(await Promise.all([open(), open(), open()])).toEqual([1, 1, 1])
    expect(await open()).toBe(1)
  })

  test('a failed opening is forgotten', async () => {
    let tries = 0
    const open = once(async () => {
      tries += 1
      if (tries === 1) throw new Error('first')
      return tries
    })

    await expect(open()).rejects.toThrow('first')
    expect(await open()).toBe(2)
  })
})

describe('deadlines', () => {
  test('abandonable ends with the signal, although the work goes on', async () => {
    const stop = new AbortController()
    const waiting = abandonable(new Promise(() => {}), stop.signal)

    stop.abort(new Error('enough'))

    await expect(waiting).rejects.toThrow('enough')
  })

  test('abandonable gives the result or failure of work that ends first', async () => {
    const { signal } = new AbortController()

    expect(await abandonable(Promise.resolve(7), signal)).toBe(7)
    await expect(abandonable(Promise.reject(new Error('own')), signal)).rejects.toThrow('own')
  })

  test("a failure of work that was abandoned before it began is nobody's unhandled rejection", async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)

    const waiting = abandonable(Promise.reject(new Error('late')), AbortSignal.abort(new Error('ended')))

    await expect(waiting).rejects.toThrow('ended')
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  test('within ends after its time', async () => {
    const signal = within(5, new AbortController().signal)

    await expect(abandonable(new Promise(() => {}), signal)).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('a deadline ends after its time, or with the signal it stands under', async () => {
    const late = deadline(5, new AbortController().signal)
    const stop = new AbortController()
    const stopped = deadline(60_000, stop.signal)
    const over = deadline(60_000, AbortSignal.abort(new Error('before')))

    stop.abort(new Error('enough'))

    expect(stopped.signal.reason).toMatchObject({ message: 'enough' })
    expect(over.signal.reason).toMatchObject({ message: 'before' })
    await expect(abandonable(new Promise(() => {}), late.signal)).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    stopped.end()
    over.end()
  })

  test('a deadline that was ended neither passes nor hears of anything', async () => {
    const stop = new AbortController()
    const { signal, end } = deadline(5, stop.signal)

    end()
    stop.abort()
    await new Promise((resolve) => setTimeout(resolve, 10))

    expect(signal.aborted).toBe(false)
  })

  test('limited ends after its time, and tells the work that nobody waits any more', async () => {
    let ask: () => boolean = () => false
    const waiting = limited(
      5,
      (isOver) => {
        ask = isOver
        return new Promise(() => {})
      },
      new AbortController().signal,
    )
    const atFirst = ask()

    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' })
    expect([atFirst, ask()]).toEqual([false, true])
  })

  test('limited ends with the signal, and gives the result or failure of work that ends first', async () => {
    const stop = new AbortController()
    const waiting = limited(60_000, () => new Promise(() => {}), stop.signal)
    stop.abort(new Error('enough'))

    await expect(waiting).rejects.toThrow('enough')
    await expect(limited(5, async () => 7, stop.signal)).rejects.toThrow('enough')
    const { signal } = new AbortController()
    expect(await limited(5, async () => 7, signal)).toBe(7)
    await expect(limited(5, () => Promise.reject(new Error('own')), signal)).rejects.toThrow('own')
  })

  test('an answer that arrived while the event loop was busy is not late', async () => {
    // It answers on a thread of its own.
    const server = new Worker(ECHO, { eval: true })
    const [port] = (await nextEvent(server, 'message')) as [number]
    const socket = connect(port, '127.0.0.1')
    await nextEvent(socket, 'connect')

    const answer = limited(
      50,
      async () => String(await nextEvent(socket, 'data')),
      new AbortController().signal,
    )
    socket.write('ping')
    block(150)

    const outcome = await answer.catch((error: unknown) => error)
    socket.destroy()
    await server.terminate()
    expect(outcome).toBe('ping')
  })

  test('sleep wakes early with the signal, and at once when it has ended already', async () => {
    const stop = new AbortController()
    const sleeping = sleep(60_000, stop.signal)

    stop.abort(new Error('wake up'))

    await expect(sleeping).rejects.toThrow('wake up')
    await expect(sleep(60_000, stop.signal)).rejects.toThrow('wake up')
  })
})

const ECHO = `const server = require('node:net').createServer((socket) => socket.pipe(socket))
server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port))`

/** Holds up the event loop. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
