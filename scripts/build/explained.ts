import type { Message } from 'esbuild'

/** A failed build as text: esbuild's messages with their code frames, else the error's own message. */
export async function explained(error: unknown): Promise<string> {
  if (!isBuildFailure(error)) return error instanceof Error ? error.message : String(error)
  const { formatMessages } = await import('esbuild')
  const frames = await formatMessages([...error.errors], { kind: 'error', color: process.stdout.isTTY })
  return frames.join('\n').trimEnd()
}

function isBuildFailure(error: unknown): error is { readonly errors: readonly Message[] } {
  return typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors)
}
