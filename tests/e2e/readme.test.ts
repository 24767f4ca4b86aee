import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '#tests/runtime/executables.ts'
import { bashSession } from './bash-session.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'

interface Readme {
  readonly file: string
  readonly minutes: string
  readonly configuration: string
}

const READMES: readonly Readme[] = [
  { file: 'README.md', minutes: 'The first ten minutes', configuration: 'Configuration' },
  { file: 'README.zh-CN.md', minutes: '头十分钟', configuration: '配置' },
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

/** Names in the first column of the chapter's table. */
function documented(text: string): readonly string[] {
  const rows = text.split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name),
  )
}

function settingsRead(): readonly string[] {
  const sources = globSync('{functions/*/index,shared/backend/*-settings}.ts', { cwd: root }).map((file) =>
    readFileSync(join(root, file), 'utf8'),
  )
  return sources.flatMap((text) => [...text.matchAll(/read\.\w+\('([A-Z_]+)'/g)].map(([, name = '']) => name))
}

let cloud: DevCommand
let promptly: string
beforeAll(async () => {
  cloud = await startDevCommand()
  promptly = cloud.output()
}, 90_000)
afterAll(() => cloud?.end('SIGTERM'))

describe.each(READMES)('$file', ({ file, minutes, configuration }) => {
  test('its first ten minutes can be pasted and show what they promise', async () => {
    const shell = bashSession()
    const pasted = blocks(chapter(file, minutes))

    const results: { readonly shown: string; readonly block: Block }[] = []
    for (const block of pasted) {
      const lines = block.lines.replaceAll(ADDRESS, new URL(cloud.url).host)
      results.push({ shown: await shell.paste(lines), block })
    }
    shell.end()

    expect(pasted.map(({ shows }) => shows.length).filter((count) => count > 0)).toHaveLength(6)
    for (const { shown, block } of results)
      for (const promise of block.shows) expect(shown).toContain(promise)
  }, 60_000)

  test('its table names exactly the settings that the functions read', () => {
    const named = documented(chapter(file, configuration))

    expect(named.toSorted()).toEqual([...new Set(settingsRead())].toSorted())
  })
})

test('both pages give the same commands', () => {
  const [english, chinese] = READMES.map(({ file, minutes }) => {
    const own = blocks(readFileSync(join(root, file), 'utf8')).map(({ lines }) =>
      lines.replaceAll(LANGUAGE, ''),
    )
    return { own, shows: blocks(chapter(file, minutes)).map(({ shows }) => shows) }
  })

  expect(chinese).toEqual(english)
})

test('the first start prints at most 15 lines', () => {
  const lines = promptly.trimEnd().split('\n')

  expect(lines.length).toBeLessThanOrEqual(15)
  expect(promptly).toMatch(/Functions +login \d+(\.\d+)? KB, user \d+(\.\d+)? KB/)
})

test('the curl line that the start prints works when pasted', async () => {
  const shell = bashSession()
  const line = /^ *curl .*$/m.exec(cloud.banner())?.[0] ?? ''

  const shown = await shell.paste(line)
  shell.end()

  expect(shown).toContain('"code":0')
  expect(shown).toContain('"accessToken":"')
})
