/**
 * Makes mutants of one TypeScript module: all of them at once, in one text. Every place that can be changed asks `__m(id)` which way to go, so the module is
 * transformed once and each mutant is a number (`globalThis.__mutant`, see setup.mjs). No place is changed whose change could not be seen in behaviour: types,
 * imports, texts, what is told to a logger, the arguments of an error.
 */
import { parseAst } from 'rolldown/parseAst'

const BINARY = {
  '+': ['-'], '-': ['+'], '*': ['/'], '/': ['*'], '%': ['*'], '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'],
  '===': ['!=='], '!==': ['==='], '&': ['|'], '|': ['&'], '^': ['&'], '<<': ['>>'], '>>': ['<<'], '>>>': ['<<'],
}
const LOGICAL = { '&&': '||', '||': '&&', '??': '&&' }
const ASSIGN = { '+=': '-=', '-=': '+=', '*=': '/=', '|=': '&=', '&=': '|=', '^=': '&=', '<<=': '>>=', '>>=': '<<=', '>>>=': '<<=' }
const METHODS = new Map(Object.entries({ min: 'max', max: 'min', some: 'every', every: 'some', startsWith: 'endsWith', endsWith: 'startsWith', floor: 'ceil', ceil: 'floor' }))
const TRANSPARENT = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression', 'TSParameterProperty'])
const isText = (node) => node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string') || (node.type === 'BinaryExpression' && (isText(node.left) || isText(node.right)))

/** @returns {{ code: string, mutants: { id: number, line: number, kind: string, from: string, to: string }[] }} */
export function mutate(source, path) {
  const program = parseAst(source, { lang: 'ts' }, path)
  const mutants = []
  /** Conditions, which are nodes of any kind: whether each is that of a loop. */
  const tests = new Map()
  const raw = (node) => source.slice(node.start, node.end)
  const lineOf = (position) => source.slice(0, position).split('\n').length

  function add(node, kind, to) {
    mutants.push({ id: mutants.length, line: lineOf(node.start), kind, from: raw(node).slice(0, 120), to: to.slice(0, 120) })
    return mutants.length - 1
  }

  /** The text of a node with its children mutated. */
  function inner(node) {
    const parts = children(node).map((child) => [child.start, child.end, text(child)])
    parts.sort((a, b) => a[0] - b[0])
    let out = ''
    let at = node.start
    for (const [start, end, replaced] of parts) {
      if (start < at) continue
      out += source.slice(at, start) + replaced
      at = end
    }
    return out + source.slice(at, node.end)
  }

  /** `from` as `to` where mutant `id` is on. */
  function choose(node, alternatives) {
    let out = ''
    for (const [kind, to] of alternatives) out += `__m(${add(node, kind, to)})?(${to}):`
    const original = inner(node)
    return out === '' ? original : `(${out}(${original}))`
  }

  function text(node) {
    const isLoop = tests.get(node)
    return isLoop === undefined ? plain(node) : condition(node, isLoop)
  }

  function plain(node) {
    switch (node.type) {
      case 'BinaryExpression': {
        if (isText(node)) return inner(node)
        const alternatives = BINARY[node.operator] ?? []
        return choose(node, alternatives.map((op) => ['operator', `(${raw(node.left)}) ${op} (${raw(node.right)})`]))
      }
      case 'LogicalExpression': return choose(node, [['operator', `(${raw(node.left)}) ${LOGICAL[node.operator]} (${raw(node.right)})`]])
      case 'UnaryExpression': return node.operator === '!' || node.operator === '-' ? choose(node, [['unary', raw(node.argument)]]) : inner(node)
      case 'UpdateExpression': {
        const op = node.operator === '++' ? '--' : '++'
        return choose(node, [['update', node.prefix ? op + raw(node.argument) : raw(node.argument) + op]])
      }
      case 'AssignmentExpression': {
        const op = ASSIGN[node.operator]
        return op === undefined ? inner(node) : choose(node, [['assignment', `${raw(node.left)} ${op} (${raw(node.right)})`]])
      }
      case 'Literal': return typeof node.value === 'boolean' ? choose(node, [['boolean', String(!node.value)]]) : raw(node)
      case 'CallExpression': return call(node)
      case 'ExpressionStatement': return isWorthRemoving(node.expression) ? removable(node) : `{${inner(node)}}`
      case 'ThrowStatement': return `{if(!__m(${add(node, 'throw removed', '')})){${raw(node)}}}`
      case 'NewExpression': return raw(node.callee).endsWith('Error') ? raw(node) : inner(node)
      default: return inner(node)
    }
  }

  function call(node) {
    if (/logger|describe|reporter/.test(raw(node.callee))) return raw(node)
    const { callee } = node
    const method = callee.type === 'MemberExpression' && !callee.computed ? METHODS.get(callee.property.name) : undefined
    if (method === undefined) return inner(node)
    return choose(node, [['method', source.slice(node.start, callee.property.start) + method + source.slice(callee.property.end, node.end)]])
  }

  function isWorthRemoving(expression) {
    const node = expression.type === 'AwaitExpression' ? expression.argument : expression
    if (node.type === 'AssignmentExpression') return node.operator === '=' && node.left.type === 'MemberExpression'
    if (node.type !== 'CallExpression' || node.callee.type === 'Super') return false
    return !/logger|reporter/.test(raw(node.callee))
  }

  function removable(node) { return `{if(!__m(${add(node, 'statement removed', '')})){${inner(node)}}}` }

  /** `test` of a branch: always, never; of a loop only never, or it would not end. */
  function condition(node, isLoop) {
    const always = isLoop ? '' : `__m(${add(node, 'condition', 'true')})?true:`
    return `(${always}__m(${add(node, 'condition', 'false')})?false:(${plain(node)}))`
  }

  function children(node) {
    const found = []
    for (const [key, value] of Object.entries(node)) {
      if (key === 'parent' || key === 'typeAnnotation' || key === 'returnType' || key === 'typeParameters' || key === 'typeArguments' || key === 'superTypeArguments') continue
      if ((key === 'key' || key === 'property') && !node.computed) continue
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each === null || typeof each !== 'object' || typeof each.type !== 'string' || each.start === undefined) continue
        if (each.type.startsWith('TS') && !TRANSPARENT.has(each.type)) continue
        if (each.type === 'ImportDeclaration' || each.type === 'ImportExpression') continue
        found.push(each)
      }
    }
    return found
  }

  const mark = (node) => {
    if (node.type === 'IfStatement' || node.type === 'ConditionalExpression') tests.set(node.test, false)
    if ((node.type === 'WhileStatement' || node.type === 'ForStatement') && node.test !== null) tests.set(node.test, true)
    children(node).forEach(mark)
  }
  mark(program)
  return { code: `const __m=globalThis.__mutants?.(${JSON.stringify(path)})??(()=>false);${inner({ ...program, start: 0, end: source.length })}`, mutants }
}
