import { attributeTypes, dataTypes } from './proto.js';

/** The name of a value in a graph: the output of an operator, or an input of the graph. */
export type Value = string;

type ElementType = keyof typeof dataTypes;

/** A number, or a name where the size is open until the graph runs. */
export type Dimension = number | string;

/** A constant tensor, row-major. */
export interface ConstantTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** A float attribute. A plain number is an integer attribute, which is far more frequent. */
export interface FloatAttribute {
  readonly float: number;
}

/** A list of floats. A plain list of numbers is one of integers. */
interface FloatsAttribute {
  readonly floats: readonly number[];
}

type Attribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | FloatAttribute
  | FloatsAttribute
  | ConstantTensor
  | GraphBuilder;

export type Attributes = Readonly<Record<string, Attribute>>;

export function float(value: number): FloatAttribute {
  return { float: value };
}

/** A float32 tensor of the given numbers; one dimension unless `dims` says otherwise. */
export function floats(
  data: Float32Array | readonly number[],
  dims: readonly number[] = [data.length],
): ConstantTensor {
  return { type: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** An int64 tensor: shapes, axes, indices. */
export function int64s(data: readonly number[], dims: readonly number[] = [data.length]): ConstantTensor {
  return { type: 'int64', dims, data: BigInt64Array.from(data, BigInt) };
}

/**
 * Collects the nodes of an ONNX graph. An operator method takes the names of values and gives the name of a new one, so a
 * computation is written as nested calls. Names are generated here, unique across nested graphs.
 */
export interface GraphBuilder {
  /** A name that is unique across nested graphs. */
  fresh(prefix: string): Value;
  input(name: string, type: ElementType, dims: readonly Dimension[]): Value;
  /** Makes `value` an output. Its name is the value's own, unless another is given (or it is one already). */
  output(value: Value, type: ElementType, dims: readonly Dimension[], name?: string): void;
  constant(tensor: ConstantTensor, name?: string): Value;
  /** One operator with one output. An input that is left out is an empty string. */
  op(type: string, inputs: readonly Value[], attributes?: Attributes, domain?: string): Value;
  /** One operator with `count` outputs. */
  ops(type: string, count: number, inputs: readonly Value[], attributes?: Attributes, domain?: string): Value[];
  /** A graph to be an attribute of one of this graph's operators; it may use values of this one. */
  subgraph(name: string): GraphBuilder;
  /** The graph as a plain GraphProto object. */
  toProto(): object;
}

export function createGraph(name: string): GraphBuilder {
  let count = 0;
  return build(name, (type) => `${type}_${count++}`);
}

function build(graphName: string, fresh: (type: string) => string): GraphBuilder {
  const node: object[] = [];
  const initializer: object[] = [];
  const input: object[] = [];
  const output: object[] = [];
  // Names that an output cannot take: ONNX Runtime returns zeros for an output with the name of an input.
  const taken = new Set<Value>();

  const add = (type: string, outputs: Value[], inputs: readonly Value[], attributes: Attributes, domain: string) => {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
    node.push({ name: outputs[0], op_type: type, input: inputs, output: outputs, attribute, domain });
  };

  return {
    fresh,
    input(name, type, dims) {
      input.push(valueInfo(name, type, dims));
      taken.add(name);
      return name;
    },
    output(value, type, dims, name = taken.has(value) ? fresh('Identity') : value) {
      if (name !== value) add('Identity', [name], [value], {}, '');
      taken.add(name);
      output.push(valueInfo(name, type, dims));
    },
    constant(tensor, name = fresh('constant')) {
      initializer.push(tensorProto(tensor, name));
      return name;
    },
    op(type, inputs, attributes = {}, domain = '') {
      const name = fresh(type);
      add(type, [name], inputs, attributes, domain);
      return name;
    },
    ops(type, count, inputs, attributes = {}, domain = '') {
      const names = Array.from({ length: count }, () => fresh(type));
      add(type, names, inputs, attributes, domain);
      return names;
    },
    subgraph: (name) => build(name, fresh),
    toProto: () => ({ name: graphName, node, initializer, input, output }),
  };
}

function valueInfo(name: string, type: ElementType, dims: readonly Dimension[]): object {
  const dim = dims.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }));
  return { name, type: { tensor_type: { elem_type: dataTypes[type], shape: { dim } } } };
}

function tensorProto({ type, dims, data }: ConstantTensor, name = ''): object {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (size !== data.length) throw new RangeError(`tensor ${name}: ${data.length} values for dimensions [${dims}]`);
  // raw_data is little-endian by definition, as is every machine that Node runs on, s390x aside.
  return {
    name,
    dims,
    data_type: dataTypes[type],
    raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function attributeProto(name: string, value: Attribute): object {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value };
  if (typeof value === 'string') return { name, type: attributeTypes.string, s: utf8(value) };
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float };
  if ('floats' in value) return { name, type: attributeTypes.floats, floats: value.floats };
  if ('toProto' in value) return { name, type: attributeTypes.graph, g: value.toProto() };
  if ('data' in value) return { name, type: attributeTypes.tensor, t: tensorProto(value) };
  if (value.every((item) => typeof item === 'number')) return { name, type: attributeTypes.ints, ints: value };
  return { name, type: attributeTypes.strings, strings: value.map((item) => utf8(String(item))) };
}

/** The four rules of arithmetic in `graph`, and the constants they need. */
export function arithmetic(graph: GraphBuilder) {
  let one: Value | undefined;
  return {
    add: (a: Value, b: Value): Value => graph.op('Add', [a, b]),
    sub: (a: Value, b: Value): Value => graph.op('Sub', [a, b]),
    mul: (a: Value, b: Value): Value => graph.op('Mul', [a, b]),
    div: (a: Value, b: Value): Value => graph.op('Div', [a, b]),
    oneMinus(a: Value): Value {
      one ??= graph.constant(floats([1], []));
      return graph.op('Sub', [one, a]);
    },
    scalar: (value: number): Value => graph.constant(floats([value], [])),
  };
}

/** A float32 constant of zeros. */
export function zeros(graph: GraphBuilder, ...dims: number[]): Value {
  return graph.constant(floats(new Float32Array(dims.reduce((product, dim) => product * dim, 1)), dims));
}

const utf8 = (text: string) => new TextEncoder().encode(text);
