import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createFunctionBundlers } from '#scripts/emulator/function-bundlers.ts'
import { root } from '#tests/runtime/executables.ts'

let project: string
beforeEach(() => {
  mkdirSync(join(root, '.dev'), { recursive: true })
  project = mkdtempSync(join(root, '.dev', 'drivers-test-'))
  for (const folder of ['node_modules', 'scripts']) symlinkSync(join(root, folder), join(project, folder))
  save('package.json', '{"imports":{"#shared/*":"./shared/*"}}')
  save('shared/runtime/boot.ts', '')
  save('shared/runtime/serve.ts', 'export const serve = (app: unknown) => app')
  save('functions/sample/index.ts', 'export default {}')
  save('shared/db/drivers/one.ts', 'export const one = 1')
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

function save(file: string, text: string): void {
  mkdirSync(dirname(join(project, file)), { recursive: true })
  writeFileSync(join(project, file), text)
}

/** What a start of the local cloud on this project builds. */
async function start(): Promise<void> {
  const bundlers = createFunctionBundlers(['sample'], {
    root: project,
    functionsDir: join(project, 'functions'),
    outDir: join(project, 'build'),
    built: () => {},
    failed: (_name, message) => {
      throw new Error(message)
    },
  })
  await bundlers.of('sample').current()
  await bundlers.stop()
}

test('a driver that came between two starts is there after the second', async () => {
  await start()
  save('shared/http/drivers/two.ts', 'export const two = 2')

  await start()

  expect(existsSync(join(project, 'build/drivers/one.mjs'))).toBe(true)
  expect(existsSync(join(project, 'build/drivers/two.mjs'))).toBe(true)
})
