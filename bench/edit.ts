import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startLocalCloud } from './local-cloud.ts'
import { median, type Row } from './table.ts'

const root = dirname(import.meta.dirname)
const EDITS = 30
const TARGET_MS = 150

/** A saved source file to the first answer of the new code, a new process included, in a copy of the sources. */
export async function benchEdit(): Promise<readonly Row[]> {
  const copy = mkdtempSync(join(tmpdir(), 'xiaohan-edit-'))
  try {
    for (const name of ['functions', 'shared', 'scripts', 'package.json', 'package-lock.json']) {
      cpSync(join(root, name), join(copy, name), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const cloud = await startLocalCloud(join(copy, '.dev'), copy)
    try {
      return [await measure(copy, cloud.api)]
    } finally {
      await cloud.stop()
    }
  } finally {
    rmSync(copy, { recursive: true })
  }
}

async function measure(copy: string, api: string): Promise<Row> {
  const file = join(copy, 'functions', 'user', 'hello.ts')
  const source = readFileSync(file, 'utf8')
  const times: number[] = []
  for (let edit = 0; edit < EDITS; edit += 1) {
    const message = `edit ${edit}`
    const changed = source.replace(/message: '[^']*'/, `message: '${message}'`)
    const startedAt = performance.now()
    writeFileSync(file, changed)
    const response = await fetch(`${api}/hello`)
    const body = await response.text()
    times.push(performance.now() - startedAt)
    if (!body.includes(message)) throw new TypeError(`Old code was served after a save: ${body}`)
  }
  const middle = median(times)
  return {
    what: 'edit to served',
    median: middle,
    unit: 'ms',
    target: `≤ ${TARGET_MS} ms`,
    met: middle <= TARGET_MS,
    how: `median of ${EDITS}; never old code`,
  }
}
