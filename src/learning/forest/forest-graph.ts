import { type Attributes, float, floats, type GraphBuilder, type Value } from '../onnx/graph.js';
import { dataTypes } from '../onnx/proto.js';
import type { CategoricalBins, ColumnBins } from './bins.js';
import type { Forest } from './forest.js';
import { EQUALS } from './tree.js';

const ML = 'ai.onnx.ml';

/**
 * The forest as operators of ONNX: a TreeEnsembleClassifier over numeric columns as they are, categorical columns as bin
 * numbers, which a LabelEncoder looks up, and for each value of an equality split a column that is 1 on that value, else 0.
 * (ONNX has equality splits, but ONNX Runtime 1.30 merges some of them and returns wrong results; see also
 * https://github.com/microsoft/onnxruntime/issues/24636.)
 * @param columns one value per column of the forest: rows x 1, int64 for a categorical one, float32 for a numeric one
 * @param classes their names
 * @returns rows x classes, the mean of the trees' class probabilities
 */
export function addForest(
  g: GraphBuilder,
  forest: Forest,
  classes: readonly string[],
  columns: readonly Value[],
): Value {
  const cells = forest.bins.map((bins, i) =>
    bins.kind === 'numeric' ? columns[i]! : lookUpBins(g, bins, columns[i]!),
  );
  const singled = findSingled(forest);
  const indicators = [...singled].map(([column, bins]) => {
    const isBin = g.op('Equal', [cells[column]!, g.constant(floats([...bins.keys()], [1, bins.size]))]);
    return g.op('Cast', [isBin], { to: dataTypes.float32 });
  });
  const table = g.op('Concat', [...cells, ...indicators], { axis: 1 });
  const [, votes] = g.ops('TreeEnsembleClassifier', 2, [table], ensemble(forest, classes, singled), ML);
  return g.op('Div', [votes!, g.constant(floats([forest.roots.length], []))]);
}

function lookUpBins(g: GraphBuilder, { categories }: CategoricalBins, column: Value): Value {
  const known = [...categories.entries()].filter(([, value]) => value >= 0);
  return g.op(
    'LabelEncoder',
    [column],
    {
      keys_int64s: known.map(([, value]) => value),
      values_floats: { floats: known.map(([bin]) => bin) },
      default_float: float(categories.indexOf(-1)),
    },
    ML,
  );
}

/** By column: the bins of equality splits, each with the table column that is 1 where a cell has that bin. */
type Singled = ReadonlyMap<number, ReadonlyMap<number, number>>;

const columnOf = (split: number) => split & 0xff;
const binOf = (split: number) => (split >>> 8) & 0xff;
const isEquality = (split: number) => split >= 0 && (split & EQUALS) !== 0;

function findSingled({ bins, nodes }: Forest): Singled {
  const found = new Uint8Array(bins.length * 256);
  for (let i = 0; i < nodes.length; i += 2) {
    const split = nodes[i]!;
    if (isEquality(split)) found[columnOf(split) * 256 + binOf(split)] = 1;
  }
  const singled = new Map<number, Map<number, number>>();
  let next = bins.length;
  for (let column = 0; column < bins.length; column++) {
    const columns = new Map<number, number>();
    for (let bin = 0; bin < 256; bin++) if (found[column * 256 + bin] === 1) columns.set(bin, next++);
    if (columns.size > 0) singled.set(column, columns);
  }
  return singled;
}

/** https://github.com/onnx/onnx/blob/main/docs/Operators-ml.md#ai.onnx.ml.TreeEnsembleClassifier */
function ensemble(
  { classes, bins, roots, nodes, distributions }: Forest,
  names: readonly string[],
  singled: Singled,
): Attributes {
  const tree: number[] = [];
  const node: number[] = [];
  const feature: number[] = [];
  const mode: string[] = [];
  const value: number[] = [];
  const yes: number[] = [];
  const no: number[] = [];
  const voteTree: number[] = [];
  const voteNode: number[] = [];
  const voteClass: number[] = [];
  const voteWeight: number[] = [];

  const addNode = (column: number, atMost: number, ifSo: number, ifNot: number) => {
    feature.push(column);
    mode.push('BRANCH_LEQ');
    value.push(atMost);
    yes.push(ifSo);
    no.push(ifNot);
  };
  const addLeaf = (t: number, leaf: number, distribution: number) => {
    feature.push(0);
    mode.push('LEAF');
    value.push(0);
    yes.push(0);
    no.push(0);
    for (let c = 0; c < classes; c++) {
      const weight =
        distribution < classes ? Number(c === distribution) : distributions[(distribution - classes) * classes + c]!;
      // ONNX Runtime returns other scores where there are two classes and a row has votes for one of them only.
      if (weight === 0 && classes > 2) continue;
      voteTree.push(t);
      voteNode.push(leaf);
      voteClass.push(c);
      voteWeight.push(weight);
    }
  };

  for (let t = 0; t < roots.length; t++) {
    const root = roots[t]!;
    const end = roots[t + 1] ?? nodes.length / 2;
    for (let i = root; i < end; i++) {
      tree.push(t);
      node.push(i - root);
      const split = nodes[2 * i]!;
      const left = nodes[2 * i + 1]! - root;
      if (split < 0) addLeaf(t, i - root, -1 - split);
      else if (isEquality(split)) addNode(singled.get(columnOf(split))!.get(binOf(split))!, 0.5, left + 1, left);
      else addNode(columnOf(split), threshold(bins[columnOf(split)]!, binOf(split)), left, left + 1);
    }
  }
  return {
    nodes_treeids: tree,
    nodes_nodeids: node,
    nodes_featureids: feature,
    nodes_modes: mode,
    nodes_values: { floats: value },
    nodes_truenodeids: yes,
    nodes_falsenodeids: no,
    class_treeids: voteTree,
    class_nodeids: voteNode,
    class_ids: voteClass,
    class_weights: { floats: voteWeight },
    classlabels_strings: names,
    post_transform: 'NONE',
  };
}

/**
 * The largest value of a cell that is at most `bin`: the bin in a categorical column, the bin's upper edge in a numeric one. The file
 * holds 32 bits, so an edge is rounded down to the next such number, which makes no difference to a column of 32-bit numbers.
 */
function threshold(bins: ColumnBins, bin: number): number {
  return bins.kind === 'categorical' ? bin : floatBelow(bins.edges[bin]!);
}

const bits = new Int32Array(1);
const single = new Float32Array(bits.buffer);

/** The largest 32-bit floating-point number that is not above `value`. */
function floatBelow(value: number): number {
  single[0] = value;
  if (single[0] > value) {
    // As integers, the bits of positive numbers ascend with the number and those of negative ones descend.
    if (single[0] === 0) single[0] = -1.401298464324817e-45;
    else bits[0]! += single[0] > 0 ? -1 : 1;
  }
  return single[0];
}
