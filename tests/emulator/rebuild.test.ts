import { afterEach, expect, test } from '@jest/globals'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { processesIn } from '#scripts/smoke/processes.ts'
import { RUNTIMES, type RuntimeName } from '#tests/runtime/executables.ts'
import { until } from '#tests/runtime/until.ts'
import { type SampleCloud, sampleSource, startSampleCloud } from './sample-cloud.ts'

let cloud: SampleCloud | undefined
afterEach(() => cloud?.stop())

const PART = sampleSource(
  `await new Promise((r) => setTimeout(r, Number(url.searchParams.get('ms') ?? 0))); return new Response(part)`,
  `import { part } from './part.ts'`,
)

async function start(part: string, runtime: RuntimeName = 'bun'): Promise<SampleCloud> {
  const started = await startSampleCloud({
    as: 'fc',
    runtime,
    source: sampleSource(`return new Response('')`),
    spec: { concurrency: 10 },
  })
  cloud = started
  started.save('part.ts', `export const part = '${part}'`)
  started.save('index.ts', PART)
  return started
}

const text = async (url: string) => (await fetch(url)).text()

test.each(RUNTIMES)(
  'of 50 saves in a row, each followed at once by a request, none is answered by older code on %s',
  async (runtime) => {
    const { url, save } = await start('first', runtime)
    const seen: string[] = []

    for (let edit = 0; edit < 50; edit++) {
      save('part.ts', `export const part = '${String(edit).padStart(2, '0')}'`)
      seen.push(await text(url))
    }

    expect(seen).toEqual(Array.from({ length: 50 }, (_, edit) => String(edit).padStart(2, '0')))
  },
  60_000,
)

test('a save while other requests build is seen by the request that comes after it', async () => {
  const { url, save } = await start('old')
  await text(url)

  save('part.ts', `export const part = 'one'`)
  const early = text(url)
  save('part.ts', `export const part = 'two'`)
  const late = await text(url)

  expect(late).toBe('two')
  expect(['one', 'two']).toContain(await early)
})

test('a request in flight is finished by the code it began with', async () => {
  const { url, save, service } = await start('old')
  await text(url)

  const slow = text(`${url}?ms=500`)
  await text(url) // the slow one is on its way
  save('part.ts', `export const part = 'new'`)
  const fresh = await text(url)

  expect([fresh, await slow]).toEqual(['new', 'old'])
  expect(service.pool.size()).toBe(1)
})

test('a syntax error leaves the last good build in place, is shown once, and goes with its repair', async () => {
  const { url, save, notes } = await start('good')
  await text(url)

  save('part.ts', 'export const part = {')
  const during = [await text(url), await text(url)]
  save('part.ts', `export const part = 'mended'`)
  const after = await text(url)

  expect([...during, after]).toEqual(['good', 'good', 'mended'])
  expect(notes.filter((note) => note.includes('part.ts:1:'))).toHaveLength(1)
})

test('a function that has never built answers with the reason', async () => {
  const { url, save } = await start('any')
  save('index.ts', `import './missing.ts'\nexport default {}`)

  const answer = await fetch(url)

  expect(answer.status).toBe(500)
  expect(await answer.text()).toContain('missing.ts')
})

test('a file that is deleted and comes back is no reason to crash', async () => {
  const { url, save, remove } = await start('here')
  await text(url)

  remove('part.ts')
  const without = await text(url)
  save('part.ts', `export const part = 'back'`)

  expect([without, await text(url)]).toEqual(['here', 'back'])
})

test('a function whose folder goes is no part of the cloud until it comes back', async () => {
  const { url, save, remove } = await start('here')
  await text(url)

  remove('index.ts')
  const { status } = await fetch(url)
  save('index.ts', PART)

  expect([status, await text(url)]).toEqual([404, 'here'])
})

test('of many builds the last few stay on disk', async () => {
  const { url, save, folder } = await start('first')

  for (let edit = 0; edit < 15; edit++) {
    save('part.ts', `export const part = 'edit ${edit}'`)
    await text(url)
  }

  await until(() => readdirSync(join(folder, 'build', 'sample')).length <= 10)
  expect(await text(url)).toBe('edit 14')
})

test('a process that was started for a build which failed ends with the cloud', async () => {
  const { url, save, folder } = await start('good')
  await text(url)
  const first = processesIn(folder).length

  save('part.ts', 'export const part = {')
  await text(url)
  const during = processesIn(folder).length
  await cloud?.stop()
  cloud = undefined

  expect([first, during, processesIn(folder).length]).toEqual([1, 2, 0])
})
