import type { ASTNode } from '@marcbachmann/cel-js'
import { FACT_TYPES, type Need } from './facts.ts'

/** Steps that one condition may take, each at most a microsecond or so. */
export const MAX_STEPS = 2_000
/** Joined strings grow with every `+`, and what searches them takes their length times that of what it looks for. */
const MAX_SUMS = 8
const MAX_LITERAL_CHARS = 256

/** Everything else is refused: `matches` above all (a regular expression can run for ever), and what builds or parses. */
const FUNCTIONS: ReadonlySet<string> = new Set(['size', 'int', 'double', 'string'])
const METHODS: ReadonlySet<string> = new Set([
  'contains',
  'endsWith',
  'lowerAscii',
  'size',
  'startsWith',
  'trim',
  'upperAscii',
])
/** They run their predicate once for each element. */
const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one'])
const OPERATORS: ReadonlySet<string> = new Set('?: || && !_ -_ == != < <= > >= + - * / % in'.split(' '))

const COUNTERS = 'counters'
const FACTS: ReadonlySet<string> = new Set([...Object.keys(FACT_TYPES), COUNTERS])

/** What a condition reads, and what it may cost. */
export interface ConditionReport {
  readonly needs: ReadonlySet<Need>
  readonly counters: ReadonlySet<string>
  readonly steps: number
  readonly refusals: readonly Refusal[]
}

export interface Refusal {
  readonly message: string
  /** Offset in the condition. */
  readonly at: number
}

/**
 * Walks a parsed condition, as it was written, and lists what is in it that no condition may have: what is not named
 * above has no way in, whatever the engine learns to do.
 */
export function checkCondition(root: ASTNode): ConditionReport {
  const needs = new Set<Need>()
  const counters = new Set<string>()
  const refusals: Refusal[] = []
  let sums = 0

  const refuse = (message: string, { start }: ASTNode) => void refusals.push({ message, at: start })

  /** Steps to evaluate the node. `locals` are the loops' variables. */
  function walk(node: ASTNode, locals: readonly string[]): number {
    if (node.op === 'value') return walkLiteral(node, node.args)
    if (node.op === 'id') return walkName(node, node.args, locals)
    if (node.op === '.') return walkField(node, node.args, locals)
    if (node.op === 'call') return walkCall(node, node.args, locals)
    if (node.op === 'rcall') return walkMethod(node, node.args, locals)
    if (node.op === 'list') return 1 + walkAll(node.args, locals)
    return walkOperator(node, locals)
  }

  function walkAll(nodes: readonly ASTNode[], locals: readonly string[]): number {
    return nodes.reduce((steps, node) => steps + walk(node, locals), 0)
  }

  function walkLiteral(node: ASTNode, value: unknown): number {
    if (typeof value === 'object' && value !== null) refuse('bytes may not be used in a rule', node)
    if (typeof value === 'string' && value.length > MAX_LITERAL_CHARS)
      refuse(`a text in a rule has at most ${MAX_LITERAL_CHARS} characters`, node)
    if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value)
      refuse('the number does not fit into 64 bits', node)
    return 1
  }

  function walkName(node: ASTNode, name: string, locals: readonly string[]): number {
    if (locals.includes(name)) return 1
    if (name === 'user' || name === 'wechat' || name === COUNTERS)
      refuse(`${name} may only be used with a field, as ${name}.x`, node)
    else if (!FACTS.has(name)) refuse(`unknown name: ${name}`, node)
    return 1
  }

  function walkField(node: ASTNode, [of, field]: readonly [ASTNode, string], locals: readonly string[]) {
    if (of.op !== 'id' || locals.includes(of.args)) {
      refuse('only facts have fields', node)
      return 1
    }
    if (of.args === COUNTERS) counters.add(field)
    else if (of.args === 'wechat') needs.add('wechat')
    else if (of.args === 'user') needs.add(field === 'status' ? 'user.status' : 'user')
    else walkName(of, of.args, locals)
    return 1
  }

  function walkCall(
    node: ASTNode,
    [name, args]: readonly [string, readonly ASTNode[]],
    locals: readonly string[],
  ): number {
    if (!FUNCTIONS.has(name)) refuse(`${name}() may not be used in a rule`, node)
    return 1 + walkAll(args, locals)
  }

  function walkMethod(
    node: ASTNode,
    [name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]],
    locals: readonly string[],
  ): number {
    if (LOOPS.has(name)) return walkLoop(node, receiver, args, locals)
    if (!METHODS.has(name)) refuse(`${name}() may not be used in a rule`, node)
    return 1 + walk(receiver, locals) + walkAll(args, locals)
  }

  /** A list has at most as many elements as it took steps to write down. */
  function walkLoop(
    node: ASTNode,
    receiver: ASTNode,
    [variable, predicate]: readonly ASTNode[],
    locals: readonly string[],
  ): number {
    const elements = walk(receiver, locals)
    if (locals.length > 0) refuse('loops may not stand within each other', node)
    if (variable?.op !== 'id' || predicate === undefined) return elements
    if (FACTS.has(variable.args)) refuse(`${variable.args} is the name of a fact`, variable)
    return elements + elements * walk(predicate, [...locals, variable.args])
  }

  function walkOperator(node: ASTNode, locals: readonly string[]): number {
    if (!OPERATORS.has(node.op)) {
      refuse('maps and [ ] may not be used in a rule', node)
      return 1
    }
    if (node.op === '+' && (sums += 1) > MAX_SUMS) refuse(`a rule has at most ${MAX_SUMS} +`, node)
    if (node.op === '+' && locals.length > 0) refuse('+ may not stand within a loop', node)
    return 1 + walkAll(operands(node.args), locals)
  }

  const steps = walk(root, [])
  if (steps > MAX_STEPS) refuse(`may take ${steps} steps, more than ${MAX_STEPS}`, root)
  return { needs, counters, steps, refusals }
}

/** An operator's operands: one node or a list of them. */
function operands(args: unknown): readonly ASTNode[] {
  return (Array.isArray(args) ? args : [args]) as readonly ASTNode[] // Of the operators above, all have only nodes.
}
