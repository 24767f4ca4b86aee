import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '#tests/runtime/executables.ts'
import { bashSession } from './bash-session.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'

interface Readme {
  readonly file: string
  readonly minutes: string
  readonly guard: string
  readonly files: string
  readonly payments: string
  readonly configuration: string
}

const READMES: readonly Readme[] = [
  {
    file: 'README.md',
    minutes: 'The first ten minutes',
    guard: 'The guard',
    files: 'Files',
    payments: 'Payments',
    configuration: 'Configuration',
  },
  {
    file: 'README.zh-CN.md',
    minutes: '头十分钟',
    guard: '守卫',
    files: '文件',
    payments: '支付',
    configuration: '配置',
  },
]
const ADDRESS = '127.0.0.1:9000'
/** The English page asks for English messages; Chinese is what comes without asking. */
const LANGUAGE = " -H 'accept-language: en'"

interface Block {
  readonly lines: string
  /** Texts that the page promises to show. */
  readonly shows: readonly string[]
}

function chapter(file: string, title: string): string {
  const text = readFileSync(join(root, file), 'utf8')
  const [, found] = text.split(`\n## ${title}\n`)
  if (found === undefined) throw new Error(`${file} has no chapter ${title}`)
  return found.split('\n## ')[0] ?? ''
}

function blocks(text: string): readonly Block[] {
  return [...text.matchAll(/^```sh\n([^]*?)^```\n((?:<!-- shows: .* -->\n)*)/gm)].map(
    ([, lines = '', promises = '']) => ({
      lines,
      shows: [...promises.matchAll(/^<!-- shows: (.*) -->$/gm)].map(([, shown = '']) => shown),
    }),
  )
}

interface Shown {
  readonly shown: string
  readonly tookMs: number
}

/** A wait that is promised for the moment of the first call has become shorter by what the block took, and by no more. */
function expectShown({ shown, tookMs }: Shown, promise: string): void {
  const promisedS = Number(/^retry-after: (\d+)$/.exec(promise)?.[1])
  if (Number.isNaN(promisedS)) return expect(shown).toContain(promise)
  const waitsS = [...shown.matchAll(/retry-after: (\d+)/g)].map(([, seconds]) => Number(seconds))
  const shortestS = Math.max(1, promisedS - Math.ceil(tookMs / 1_000))
  expect(waitsS.length).toBeGreaterThan(0)
  for (const waitS of waitsS) {
    expect(waitS).toBeLessThanOrEqual(promisedS)
    expect(waitS).toBeGreaterThanOrEqual(shortestS)
  }
}

/** Names in the first column of the chapter's table. */
function documented(text: string): readonly string[] {
  const rows = text.split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name),
  )
}

function settingsRead(): readonly string[] {
  const sources = globSync(
    '{functions/*/index,shared/backend/{*-settings,downstream,subscribe-templates}}.ts',
    {
      cwd: root,
    },
  ).map((file) => readFileSync(join(root, file), 'utf8'))
  return sources.flatMap((text) =>
    [...text.matchAll(/(?:read\.\w+\(|outwardUrl\(read, )'([A-Z_]+)'/g)].map(([, name = '']) => name),
  )
}

/** The lines for a test's own cloud in place of the one on the usual port. */
function at(cloud: DevCommand, lines: string): string {
  const folder = `--data-folder ${cloud.folder}`
  return lines
    .replaceAll(ADDRESS, new URL(cloud.url).host)
    .replace(/run -s invoke -- (fire [\w-]+|shop)/g, `run -s invoke -- $1 ${folder}`)
    .replace(/run -s invoke -- (?!fire|shop)/g, `run -s invoke -- --url ${cloud.url} ${folder} `)
}

describe.each(READMES)('$file', ({ file, minutes, guard, files, payments, configuration }) => {
  // Of its own, since the limits of a person of either page are used up by pasting it once.
  let own: DevCommand
  beforeAll(async () => {
    own = await startDevCommand()
  }, 90_000)
  afterAll(() => own?.end('SIGTERM'))

  test.each([
    [minutes, 6],
    [guard, 5],
    [files, 6],
    [payments, 5],
  ])(
    'its chapter “%s” can be pasted and shows what it promises',
    async (title, promising) => {
      const shell = bashSession()
      const pasted = blocks(chapter(file, title))

      const results: (Shown & { readonly block: Block })[] = []
      for (const block of pasted) {
        const startedAt = performance.now()
        const shown = await shell.paste(at(own, block.lines))
        results.push({ shown, tookMs: performance.now() - startedAt, block })
      }
      shell.end()

      expect(pasted.map(({ shows }) => shows.length).filter((count) => count > 0)).toHaveLength(promising)
      for (const { block, ...result } of results)
        for (const promise of block.shows) expectShown(result, promise)
    },
    90_000,
  )

  test('its table names exactly the settings that the functions read', () => {
    const named = documented(chapter(file, configuration))

    expect(named.toSorted()).toEqual([...new Set(settingsRead())].toSorted())
  })
})

test('both pages give the same commands', () => {
  const [english, chinese] = READMES.map(({ file, minutes, guard, files, payments }) => {
    const own = blocks(readFileSync(join(root, file), 'utf8')).map(({ lines }) =>
      lines.replaceAll(LANGUAGE, ''),
    )
    return {
      own,
      shows: [minutes, guard, files, payments].flatMap((title) =>
        blocks(chapter(file, title)).map(({ shows }) => shows),
      ),
    }
  })

  expect(chinese).toEqual(english)
})

describe('the first start', () => {
  let cloud: DevCommand
  let promptly: string
  beforeAll(async () => {
    cloud = await startDevCommand()
    promptly = cloud.output()
  }, 90_000)
  afterAll(() => cloud?.end('SIGTERM'))

  test('prints at most 15 lines', () => {
    const lines = promptly.trimEnd().split('\n')

    expect(lines.length).toBeLessThanOrEqual(15)
    expect(promptly).toMatch(
      /Functions +login \d+(\.\d+)? KB, user \d+(\.\d+)? KB, upload \d+(\.\d+)? KB, rate-check \d+(\.\d+)? KB/,
    )
  })

  test('prints a curl line that works when pasted', async () => {
    const shell = bashSession()
    const line = /^ *curl .*$/m.exec(cloud.banner())?.[0] ?? ''

    const shown = await shell.paste(line)
    shell.end()

    expect(shown).toContain('"code":0')
    expect(shown).toContain('"accessToken":"')
  })
})
