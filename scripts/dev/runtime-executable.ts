import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The executable that runs function processes: the pinned Bun, or the Node that runs this program. */
export function runtimeExecutable(runtime: 'bun' | 'node', root: string): string {
  if (runtime === 'node') return process.execPath
  const found = candidates(root).find((file) => existsSync(file))
  if (found === undefined) {
    throw new Error('Cannot find the pinned Bun: it is not installed for this machine. Use --runtime node.')
  }
  return found
}

/** npm installs the package of this machine's platform only; the one without AVX2 where the processor needs it. */
function candidates(root: string): readonly string[] {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x64'
  const names = [`bun-${platform}-${arch}`, `bun-${platform}-${arch}-baseline`]
  const file = process.platform === 'win32' ? 'bun.exe' : 'bun'
  return names.map((name) => join(root, 'node_modules', '@oven', name, 'bin', file))
}
