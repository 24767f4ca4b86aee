import { spawn } from 'node:child_process'
import { until } from '#tests/runtime/until.ts'

/** A shell that keeps its variables from one paste to the next, as a person's terminal does. */
export interface BashSession {
  /** Runs some lines and gives what they printed. */
  paste(lines: string): Promise<string>
  end(): void
}

const PASTE_MS = 20_000

export function bashSession(): BashSession {
  const shell = spawn('bash', ['--noprofile', '--norc'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let pastes = 0
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })

  async function paste(lines: string): Promise<string> {
    pastes += 1
    const mark = `-- end of paste ${pastes} --`
    const from = output.length
    shell.stdin.write(`${lines}\necho; echo '${mark}'\n`)
    await until(() => output.includes(mark, from), PASTE_MS)
    return output.slice(from, output.indexOf(mark, from))
  }

  return { paste, end: () => void shell.kill('SIGKILL') }
}
