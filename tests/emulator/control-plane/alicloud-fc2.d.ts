/** What the tests use of a package that has no types. */
declare module '@alicloud/fc2' {
  interface Fc2Options {
    readonly accessKeyID: string
    readonly accessKeySecret: string
    readonly region: string
    readonly endpoint: string
  }

  export default class Fc2 {
    constructor(accountId: string, options: Fc2Options)
    invokeFunction(
      service: string,
      name: string,
      event: string,
      headers?: Readonly<Record<string, string>>,
      qualifier?: string,
    ): Promise<{ readonly data: unknown }>
  }
}
