/**
 * The training data of all trees of a forest: the distinct rows of the table, shared between threads. A cell is stored as
 * bin << shift | class, so that one look-up gives both.
 */
export interface TrainingTable {
  /** Rows of the original table, and the distinct row of each. */
  readonly rows: number;
  readonly groupOf: Uint32Array;
  readonly groups: number;
  /** Column-major: columns x groups. */
  readonly cells: Uint16Array | Uint32Array;
  /** 1 for each categorical column. */
  readonly categorical: Uint8Array;
  readonly classes: number;
  readonly shift: number;
  readonly classWeight: Float64Array;
}

export interface TreeOptions {
  /** Columns tried for each split. */
  readonly maxFeatures: number;
  /** Fewest drawn rows in a leaf. */
  readonly minLeaf: number;
  /** Most splits from the root to a leaf. */
  readonly maxDepth: number;
}

/**
 * A grown tree. Node i is the pair nodes[2i], nodes[2i + 1]. A split has `column | bin << 8`, plus {@link EQUALS} for an
 * equality split, and the number of its left child; the right child is the next node. A row goes left where its bin
 * is at most `bin` (where it is `bin`, for an equality split). A leaf has -1 - d and 0, where d below the number of
 * classes means that class with certainty, and others mean row d - classes of `distributions`.
 */
export interface Tree {
  readonly nodes: Int32Array;
  /** Class probabilities, row-major. */
  readonly distributions: Float32Array;
  /** Decrease of Gini impurity by column, times the weight of the rows in the node. */
  readonly importance: Float64Array;
}

export const EQUALS = 1 << 16;
