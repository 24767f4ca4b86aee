import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Bundle } from '#scripts/emulator/bundle.ts'
import type { ResolveImage } from '#scripts/emulator/control-plane/images.ts'
import type { FunctionBundlers } from '#scripts/emulator/function-bundlers.ts'
import { FUNCTIONS, type FunctionSpec } from '#scripts/functions.ts'

export interface LocalImagesOptions {
  /** Where the local cloud keeps what it makes. */
  readonly folder: string
  readonly bundlers: FunctionBundlers
  /** Whether a function has sources. */
  readonly has: (spec: FunctionSpec) => boolean
  /** The executable that runs bundles. */
  readonly runtime: string
}

const FORM = /(?:^|\/)(?:xiaohan-)?([a-z-]+)(?::([\w.-]+))?(?:@[\w:]+)?$/

/** Images that go wrong, by the end of their tag: for whoever wants to see a deploy fail. */
const SPOILT: Readonly<Record<string, string>> = {
  broken: `console.error('This image was made to exit at its start.')\nprocess.exit(1)\n`,
  failing: `import { createServer } from 'node:http'
const { FC_SERVER_PORT, PORT } = process.env
createServer((request, response) => {
  console.error('This image was made to fail.')
  request.resume()
  response.writeHead(500).end()
}).listen(Number(FC_SERVER_PORT ?? PORT))
`,
}

/**
 * Finds the function of this repository that an image is named after, `…/login:tag` or `…/xiaohan-login:tag`, as its
 * sources are at that moment. A tag that ends in `-broken` exits at its start, one in `-failing` answers 500 to everything.
 */
export function localImages({ folder, bundlers, has, runtime }: LocalImagesOptions): ResolveImage {
  return async (reference) => {
    const [, name = '', tag = ''] = FORM.exec(reference) ?? []
    const spec = FUNCTIONS.find((it) => it.name === name)
    if (spec === undefined || !has(spec)) return undefined
    const flaw = Object.keys(SPOILT).find((it) => tag.endsWith(`-${it}`))
    const bundle =
      flaw === undefined ? await kept(await bundlers.of(name).current()) : await spoilt(name, flaw)
    return { bundle, runtime }
  }

  /** A copy beside the builds, which are removed when there are newer ones; what it imports is found from there as well. */
  async function kept(bundle: Bundle): Promise<Bundle> {
    const file = join(dirname(dirname(bundle.file)), `${bundle.name}-images`, `${bundle.version}.mjs`)
    await mkdir(dirname(file), { recursive: true })
    await copyFile(bundle.file, file)
    return { ...bundle, file }
  }

  async function spoilt(name: string, flaw: string): Promise<Bundle> {
    const file = join(folder, 'control-planes', `${flaw}.mjs`)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, SPOILT[flaw] ?? '')
    return { name, version: flaw, file, bytes: 0, modules: [] }
  }
}
