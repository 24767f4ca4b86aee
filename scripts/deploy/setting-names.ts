import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { functionBundle } from '#scripts/build/function-bundle.ts'

/** `read.text('NAME'`, `outwardUrl(read, 'NAME'`: how any setting is read, whatever branch it stands in. */
const READ = /\bread(?:\.\w+(?:<[^>]*>)?\(|,)\s*'([A-Z][A-Z0-9_]+)'/g

/** The names of the settings that a function's code reads, found in the sources that its bundle is made of. */
export async function settingNames(root: string, name: string): Promise<readonly string[]> {
  const options = functionBundle({
    root,
    functionsDir: join(root, 'functions'),
    name,
    outfile: join(root, 'none'),
  })
  const { metafile } = await build({ ...options, sourcemap: false, minify: false, write: false })
  const sources = Object.keys(metafile.inputs).filter((file) => /^(shared|functions)\/.*\.ts$/.test(file))
  const found = sources.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(READ)].map(([, setting = '']) => setting),
  )
  return [...new Set(found)].sort()
}
