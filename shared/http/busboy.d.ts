/** What of busboy 1.6 is used here; the package brings no types. */
declare module 'busboy' {
  import type { Readable, Writable } from 'node:stream'

  export interface BusboyOptions {
    readonly headers: Readonly<Record<string, unknown>>
    readonly defParamCharset?: string
    readonly limits?: {
      readonly fieldSize?: number
      readonly fields?: number
      readonly fileSize?: number
      readonly files?: number
      readonly parts?: number
    }
  }

  export interface FieldInfo {
    readonly valueTruncated: boolean
    readonly encoding: string
    readonly mimeType: string
  }

  export interface FileInfo {
    readonly filename: string | undefined
    readonly encoding: string
    readonly mimeType: string
  }

  export interface Busboy extends Writable {
    on(event: 'field', listener: (name: string | undefined, value: string, info: FieldInfo) => void): this
    on(event: 'file', listener: (name: string | undefined, file: Readable, info: FileInfo) => void): this
    on(event: 'close' | 'partsLimit' | 'filesLimit' | 'fieldsLimit', listener: () => void): this
    on(event: 'error', listener: (error: unknown) => void): this
    on(event: string, listener: (...values: never[]) => void): this
  }

  export default function busboy(options: BusboyOptions): Busboy
}
