/** What of ali-oss 6.23 is used here; the package brings no types. */
declare module 'ali-oss' {
  interface ObjectRequest {
    readonly headers?: object
    readonly queries?: object
  }

  export default class OSS {
    constructor(options: object)
    put(key: string, body: Buffer, options?: { readonly mime?: string }): Promise<unknown>
    get(key: string): Promise<{ readonly content: Buffer }>
    head(key: string): Promise<{ readonly res: { readonly headers: Readonly<Record<string, string>> } }>
    delete(key: string): Promise<unknown>
    listV2(
      query: Readonly<Record<string, string | number>>,
    ): Promise<{ readonly objects?: readonly { readonly name: string }[] }>
    multipartUpload(key: string, file: Buffer, options: { readonly partSize: number }): Promise<unknown>
    signatureUrlV4(method: string, expiresInS: number, request: ObjectRequest, key: string): Promise<string>
    authorizationV4(method: string, request: ObjectRequest, bucket: string, key: string): string
    signPostObjectPolicyV4(policy: string, date: Date): string
  }
}
