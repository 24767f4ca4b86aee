import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { childText, type Element, readXml } from './read-xml.ts'
import { readText, type StoreCall, type StoreRequest } from './store-call.ts'
import { refusalFault, StoreError, strangeAnswer } from './store-error.ts'

const READ_MS = 5_000

/** Calls the store and reads its answer. An error inside a 200, which completing an upload may end with, is one. */
export async function xmlAnswer(
  call: StoreCall,
  request: StoreRequest,
  signal: AbortSignal,
): Promise<Element> {
  const { response, abandon } = await call(request, signal)
  let answer: Element
  try {
    answer = readXml(await limited(READ_MS, () => readText(response), signal))
  } catch (error) {
    abandon()
    if (signal.aborted) throw signal.reason
    throw new Fault('upstream_failed', { cause: error })
  }
  if (answer.name !== 'Error') return answer
  const code = childText(answer, 'Code') ?? 'without a reason'
  throw refusalFault(new StoreError(request.purpose, code, ERROR_IN_200[code] ?? 500))
}

const ERROR_IN_200: Readonly<Record<string, number>> = {
  NoSuchUpload: 404,
  NoSuchKey: 404,
  PreconditionFailed: 412,
  InvalidPart: 400,
  InvalidPartOrder: 400,
}

/** The text of a child that every store sends. @throws Fault upstream_failed without it */
export function requiredText(element: Element, name: string): string {
  const text = childText(element, name)
  if (text === undefined || text === '') throw strangeAnswer(name)
  return text
}
