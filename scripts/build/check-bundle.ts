import type { Metafile } from 'esbuild'

/** What must not be reachable from a function's entry: drivers are loaded apart, tools stay on the laptop. */
const FORBIDDEN: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /(^|\/)node_modules\/(pg|pg-pool|pg-protocol|mysql2|ioredis)\//,
    'a driver: reach it through a dynamic import of ./drivers/<name>.ts',
  ],
  [/^scripts\//, 'a script: it does not belong in a function'],
  [/^(tests|bench)\//, 'a test: it does not belong in a function'],
]

export interface BundleCheck {
  readonly name: string
  readonly bytes: number
  readonly budgetKb: number
  readonly metafile: Metafile
}

/** Everything that is wrong with a bundle, in sentences; empty when it may ship. */
export function bundleProblems({ name, bytes, budgetKb, metafile }: BundleCheck): readonly string[] {
  const inputs = Object.keys(metafile.inputs)
  const forbidden = FORBIDDEN.flatMap(([pattern, why]) => {
    const found = inputs.find((input) => pattern.test(input))
    return found === undefined
      ? []
      : [`${name} must not contain ${found} (${why})\n${chainTo(found, metafile)}`]
  })
  if (bytes <= budgetKb * 1_000) return forbidden
  return [...forbidden, `${name} has ${kb(bytes)} KB, more than its ${budgetKb} KB\n${heaviest(metafile)}`]
}

export function kb(bytes: number): string {
  return (bytes / 1_000).toFixed(1)
}

/** The imports that lead from an entry to `target`, one a line, the shortest way. */
function chainTo(target: string, { inputs, outputs }: Metafile): string {
  const cameFrom = new Map<string, string | undefined>()
  const queue = Object.values(outputs).flatMap(({ entryPoint }) => entryPoint ?? [])
  for (const entry of queue) cameFrom.set(entry, undefined)
  for (let file = queue.shift(); file !== undefined && !cameFrom.has(target); file = queue.shift()) {
    for (const { path } of inputs[file]?.imports ?? []) {
      if (cameFrom.has(path)) continue
      cameFrom.set(path, file)
      queue.push(path)
    }
  }
  const chain: string[] = []
  for (let file: string | undefined = target; file !== undefined; file = cameFrom.get(file))
    chain.unshift(file)
  return chain.map((file, depth) => `${'  '.repeat(depth + 1)}${file}`).join('\n')
}

function heaviest({ outputs }: Metafile): string {
  const weights = Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return weights
    .sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
    .slice(0, 8)
    .map(([file, { bytesInOutput }]) => `  ${kb(bytesInOutput).padStart(8)} KB  ${file}`)
    .join('\n')
}
