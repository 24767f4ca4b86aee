import { afterEach, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFunctionBundlers, type FunctionBundlers } from '#scripts/emulator/function-bundlers.ts'
import { EXECUTABLES, root, RUNTIMES } from '#tests/runtime/executables.ts'

const opened: { readonly folder: string; readonly bundlers: FunctionBundlers }[] = []
afterEach(async () => {
  for (const { folder, bundlers } of opened.splice(0)) {
    await bundlers.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** A function's bundle as the local cloud makes it; running it prints what `source` prints. */
function sample() {
  // Inside the project, where packages are found.
  mkdirSync(join(root, '.dev'), { recursive: true })
  const folder = mkdtempSync(join(root, '.dev', 'packages-test-'))
  mkdirSync(join(folder, 'functions', 'sample'), { recursive: true })
  const bundlers = createFunctionBundlers(['sample'], {
    root,
    functionsDir: join(folder, 'functions'),
    outDir: join(folder, 'build'),
    built: () => {},
    failed: (_name, message) => {
      throw new Error(message)
    },
  })
  opened.push({ folder, bundlers })
  return (source: string) => {
    writeFileSync(
      join(folder, 'functions', 'sample', 'index.ts'),
      `${source}\nprocess.exit(0)\nexport default {}`,
    )
    return bundlers.of('sample').current()
  }
}

test.each(RUNTIMES)('two entries of one package share its classes on %s', async (runtime) => {
  const build = sample()

  const { file } = await build(
    `import { errors } from 'jose'\nimport { JWTInvalid } from 'jose/errors'\nconsole.log(new JWTInvalid('x') instanceof errors.JOSEError)`,
  )

  expect(readFileSync(file, 'utf8')).toMatch(/from "\.\.\/packages\/[\w-]+\/jose\+errors\.mjs"/)
  expect(execFileSync(EXECUTABLES[runtime], [file], { encoding: 'utf8' })).toBe('true\n')
})

test.each(RUNTIMES)('a CommonJS package is part of the bundle on %s', async (runtime) => {
  const build = sample()

  const { file, modules } = await build(`import Queue from 'denque'\nconsole.log(new Queue([1]).length)`)

  expect(modules).toEqual([])
  expect(execFileSync(EXECUTABLES[runtime], [file], { encoding: 'utf8' })).toBe('1\n')
})

test('a package that a save begins to import is there', async () => {
  const build = sample()
  const first = await build(`import { errors } from 'jose'\nconsole.log(typeof errors)`)

  const second = await build(
    `import { errors } from 'jose'\nimport { object } from 'valibot'\nconsole.log(typeof errors, typeof object)`,
  )

  expect([first.modules.length, second.modules.length]).toEqual([1, 2])
  expect(execFileSync(EXECUTABLES.node, [second.file], { encoding: 'utf8' })).toBe('object function\n')
})
