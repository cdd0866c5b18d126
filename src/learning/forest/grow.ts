import { grown } from '../../shared/columns.js';
import type { createDraw } from './random.js';
import { EQUALS, type TrainingTable, type Tree, type TreeOptions } from './tree.js';

type Draw = ReturnType<typeof createDraw>;

/** Most distinct rows of a node whose cells are sorted; larger nodes count them in a histogram. */
const SMALL = 24;

/**
 * Makes a function that grows trees on `table`, reusing its work space from tree to tree. Trees as in Breiman, "Random
 * forests", Machine Learning 45, 2001: a bootstrap sample, Gini impurity, a new draw of columns for each split
 * (more than `maxFeatures` where all of those are constant in the node, as in scikit-learn), fully grown.
 *
 * On a categorical column two kinds of split compete: a threshold in the order of the bins (see bins.ts), and one
 * value against the rest. Thresholds alone need two splits to separate one port in the middle of the order.
 * @returns grows one tree; sets `drawn` (one per row) to 1 for rows in its bootstrap sample, 0 for others
 */
export function createGrower(table: TrainingTable, options: TreeOptions): (draw: Draw, drawn: Uint8Array) => Tree {
  const { groups, classes, shift, classWeight, categorical } = table;
  const columns = categorical.length;
  const classMask = (1 << shift) - 1;
  const { minLeaf, maxDepth } = options;
  const maxFeatures = Math.min(options.maxFeatures, columns);

  // The distinct rows drawn for a tree, packed: how often each was drawn, and its cells by column.
  const groupWeight = new Uint32Array(groups);
  const weight = new Uint32Array(groups);
  const bag = Array.from({ length: columns }, () => table.cells.slice(0, groups));
  const index = new Uint32Array(groups);
  const aside = new Uint32Array(groups);

  // Counts by cell, the set of cells with a count (a bit each), and the cells of a node in ascending order.
  const histogram = new Uint32Array(256 << shift);
  const touched = new Uint32Array(Math.max(1, (256 << shift) >> 5));
  const entryCell = new Uint32Array(histogram.length);
  const entryCount = new Uint32Array(histogram.length);

  // Weight by class, in the current node and left of a split.
  const total = new Float64Array(classes);
  const left = new Float64Array(classes);

  const counts = new Uint32Array(classes);
  const smallerCounts = new Uint32Array(classes);

  // Nodes still to be grown: number, rows from, rows to, depth, constant columns, drawn rows by class. A column that is constant
  // in a node is constant below it too, and is skipped there; bit i stands for column i below 32.
  const frame = 5 + classes;
  let stack = new Uint32Array(64 * frame);
  let stackTop = 0;

  // The tree so far.
  let nodes = new Int32Array(1024);
  let nodeCount = 0;
  let distributions = new Float32Array(64 * classes);
  let impureLeaves = 0;
  const importance = new Float64Array(columns);

  // The best split of the current node. The score is in an array because V8 boxes a number that closures assign.
  const bestScore = new Float64Array(1);
  let bestSplit = 0;

  const candidates = Uint8Array.from({ length: columns }, (_, column) => column);

  // Each of the following functions has one hot loop and little after it. Otherwise V8 compiles the loop on the first, large
  // nodes before the rest has ever run, and falls back to the interpreter after it, again and again.

  /** Lists the distinct cells of rows index[from..to) in `column`, ascending, with their counts; returns how many. */
  function listCells(column: number, from: number, to: number): number {
    const cells = bag[column]!;
    if (to - from <= SMALL) return sortCells(cells, from, to);
    countCells(cells, from, to);
    return drainHistogram();
  }

  function sortCells(cells: TrainingTable['cells'], from: number, to: number): number {
    let entries = 0;
    for (let i = from; i < to; i++) {
      const row = index[i]!;
      const cell = cells[row]!;
      let place = entries;
      while (place > 0 && entryCell[place - 1]! > cell) place--;
      if (place > 0 && entryCell[place - 1] === cell) {
        entryCount[place - 1]! += weight[row]!;
        continue;
      }
      for (let k = entries; k > place; k--) {
        entryCell[k] = entryCell[k - 1]!;
        entryCount[k] = entryCount[k - 1]!;
      }
      entryCell[place] = cell;
      entryCount[place] = weight[row]!;
      entries++;
    }
    return entries;
  }

  function countCells(cells: TrainingTable['cells'], from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const row = index[i]!;
      const cell = cells[row]!;
      histogram[cell]! += weight[row]!;
      touched[cell >>> 5]! |= 1 << (cell & 31);
    }
  }

  function drainHistogram(): number {
    let entries = 0;
    for (let word = 0; word < touched.length; word++) {
      let bits = touched[word]!;
      if (bits === 0) continue;
      touched[word] = 0;
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const cell = (word << 5) | bit;
        entryCell[entries] = cell;
        entryCount[entries++] = histogram[cell]!;
        histogram[cell] = 0;
      }
    }
    return entries;
  }

  /**
   * Tries all splits of `column` for a node whose cells are the first `entries` of the list. Least Gini impurity is the
   * largest sum over both sides of (sum of squared class weights) / (weight), which is updated cell by cell.
   * @returns false where the column is constant
   */
  function searchColumn(
    column: number,
    entries: number,
    drawnRows: number,
    totalWeight: number,
    totalSquares: number,
  ): boolean {
    let bin = entryCell[0]! >>> shift;
    if (bin === entryCell[entries - 1]! >>> shift) return false;
    const equality = categorical[column] === 1;
    let best = bestScore[0]!;
    left.fill(0);
    let leftRows = 0;
    let leftWeight = 0;
    let leftSquares = 0;
    let rightSquares = totalSquares;
    // Sums of the current bin alone, for a split against all others.
    let binRows = 0;
    let binWeight = 0;
    let binSquares = 0;
    let othersSquares = totalSquares;
    for (let entry = 0; ; entry++) {
      const next = entry < entries ? entryCell[entry]! >>> shift : -1;
      if (next !== bin) {
        if (equality) {
          if (binRows >= minLeaf && drawnRows - binRows >= minLeaf) {
            const score = binSquares / binWeight + othersSquares / (totalWeight - binWeight);
            if (score > best) {
              best = score;
              bestSplit = column | (bin << 8) | EQUALS;
            }
          }
          binRows = 0;
          binWeight = 0;
          binSquares = 0;
          othersSquares = totalSquares;
        }
        if (next < 0) break;
        if (leftRows >= minLeaf && drawnRows - leftRows >= minLeaf) {
          const score = leftSquares / leftWeight + rightSquares / (totalWeight - leftWeight);
          if (score > best) {
            best = score;
            // The middle of the bins that are empty in this node: the widest margin on either side.
            bestSplit = column | (((bin + next - 1) >> 1) << 8);
          }
        }
        bin = next;
      }
      const c = entryCell[entry]! & classMask;
      const count = entryCount[entry]!;
      const added = count * classWeight[c]!;
      const before = left[c]!;
      const all = total[c]!;
      left[c] = before + added;
      leftRows += count;
      leftWeight += added;
      leftSquares += added * (2 * before + added);
      rightSquares -= added * (2 * (all - before) - added);
      if (equality) {
        binRows += count;
        binWeight += added;
        binSquares += added * added;
        othersSquares -= added * (2 * all - added);
      }
    }
    bestScore[0] = best;
    return true;
  }

  /** Moves the rows of index[from..to) that go left to the front; returns where the right ones begin. Keeps their order. */
  function partition(split: number, from: number, to: number): number {
    const bin = (split >>> 8) & 0xff;
    // Both kinds of split are a range of cells.
    const low = (split & EQUALS) !== 0 ? bin << shift : 0;
    const middle = divide(bag[split & 0xff]!, low, (bin + 1) << shift, from, to);
    for (let i = middle; i < to; i++) index[i] = aside[i - middle]!;
    return middle;
  }

  /** Puts the rows with cells in [low, high) in front and the others aside, without a branch that could be mispredicted. */
  function divide(cells: TrainingTable['cells'], low: number, high: number, from: number, to: number): number {
    let front = from;
    let back = 0;
    for (let i = from; i < to; i++) {
      const row = index[i]!;
      const cell = cells[row]!;
      const goesLeft = ((cell - high) & ~(cell - low)) >>> 31;
      index[front] = row;
      aside[back] = row;
      front += goesLeft;
      back += 1 - goesLeft;
    }
    return front;
  }

  /** Counts the drawn rows among index[from..to) by class. */
  function countClasses(from: number, to: number, out: Uint32Array): void {
    const cells = bag[0]!;
    out.fill(0);
    for (let i = from; i < to; i++) {
      const row = index[i]!;
      out[cells[row]! & classMask]! += weight[row]!;
    }
  }

  function pushNode(
    node: number,
    from: number,
    to: number,
    depth: number,
    constant: number,
    byClass: Uint32Array,
  ): void {
    if (stackTop + frame > stack.length) stack = grown(stack);
    stack[stackTop] = node;
    stack[stackTop + 1] = from;
    stack[stackTop + 2] = to;
    stack[stackTop + 3] = depth;
    stack[stackTop + 4] = constant;
    for (let c = 0; c < classes; c++) stack[stackTop + 5 + c] = byClass[c]!;
    stackTop += frame;
  }

  /** Draws a bootstrap sample and packs the distinct rows in it; returns their number. */
  function drawSample(draw: Draw, drawn: Uint8Array): number {
    groupWeight.fill(0);
    drawn.fill(0);
    drawRows(draw, drawn);
    const size = packWeights();
    for (let column = 0; column < columns; column++) packCells(bag[column]!, column * groups, size);
    for (let row = 0; row < size; row++) index[row] = row;
    return size;
  }

  function drawRows(draw: Draw, drawn: Uint8Array): void {
    const { rows, groupOf } = table;
    for (let i = 0; i < rows; i++) {
      const row = draw(rows);
      drawn[row] = 1;
      groupWeight[groupOf[row]!]!++;
    }
  }

  function packWeights(): number {
    let size = 0;
    for (let group = 0; group < groups; group++) {
      weight[size] = groupWeight[group]!;
      index[size] = group;
      size += groupWeight[group] === 0 ? 0 : 1;
    }
    return size;
  }

  function packCells(packed: TrainingTable['cells'], offset: number, size: number): void {
    for (let row = 0; row < size; row++) packed[row] = table.cells[offset + index[row]!]!;
  }

  /** Takes the node on top of the stack: makes it a leaf, or splits it and puts its children there. */
  function growNode(draw: Draw): void {
    stackTop -= frame;
    const node = stack[stackTop]!;
    const from = stack[stackTop + 1]!;
    const to = stack[stackTop + 2]!;
    const depth = stack[stackTop + 3]!;
    let constant = stack[stackTop + 4]!;
    let drawnRows = 0;
    let totalWeight = 0;
    let totalSquares = 0;
    let present = 0;
    let someClass = 0;
    for (let c = 0; c < classes; c++) {
      const count = stack[stackTop + 5 + c]!;
      counts[c] = count;
      const classTotal = count * classWeight[c]!;
      total[c] = classTotal;
      if (count === 0) continue;
      present++;
      someClass = c;
      drawnRows += count;
      totalWeight += classTotal;
      totalSquares += classTotal * classTotal;
    }

    bestScore[0] = 0;
    if (present > 1 && depth < maxDepth && drawnRows >= 2 * minLeaf) {
      let splittable = false;
      for (let visited = 0; visited < columns && (visited < maxFeatures || !splittable); visited++) {
        const pick = visited + draw(columns - visited);
        const column = candidates[pick]!;
        candidates[pick] = candidates[visited]!;
        candidates[visited] = column;
        const bit = column < 32 ? 1 << column : 0;
        if ((constant & bit) !== 0) continue;
        const entries = listCells(column, from, to);
        if (searchColumn(column, entries, drawnRows, totalWeight, totalSquares)) splittable = true;
        else constant |= bit;
      }
    }
    if (bestScore[0] === 0) {
      nodes[2 * node] = -1 - (present > 1 ? addDistribution(totalWeight) : someClass);
      return;
    }

    importance[bestSplit & 0xff]! += bestScore[0]! - totalSquares / totalWeight;
    const middle = partition(bestSplit, from, to);
    if (2 * (nodeCount + 2) > nodes.length) nodes = grown(nodes);
    nodes[2 * node] = bestSplit;
    nodes[2 * node + 1] = nodeCount;
    // Classes are counted on the smaller side; the other side has the rest.
    const leftIsSmaller = middle - from < to - middle;
    if (leftIsSmaller) countClasses(from, middle, smallerCounts);
    else countClasses(middle, to, smallerCounts);
    for (let c = 0; c < classes; c++) counts[c]! -= smallerCounts[c]!;
    pushNode(nodeCount + 1, middle, to, depth + 1, constant, leftIsSmaller ? counts : smallerCounts);
    pushNode(nodeCount, from, middle, depth + 1, constant, leftIsSmaller ? smallerCounts : counts);
    nodeCount += 2;
  }

  /** Stores the class shares of the current node; returns the number of its leaf. */
  function addDistribution(totalWeight: number): number {
    if ((impureLeaves + 1) * classes > distributions.length) distributions = grown(distributions);
    for (let c = 0; c < classes; c++) distributions[impureLeaves * classes + c] = total[c]! / totalWeight;
    return classes + impureLeaves++;
  }

  return (draw, drawn) => {
    const size = drawSample(draw, drawn);
    // A tree must not depend on the trees that this thread grew before.
    for (let column = 0; column < columns; column++) candidates[column] = column;
    importance.fill(0);
    nodeCount = 1;
    impureLeaves = 0;
    countClasses(0, size, counts);
    pushNode(0, 0, size, 0, 0, counts);
    while (stackTop > 0) growNode(draw);
    return {
      nodes: nodes.slice(0, 2 * nodeCount),
      distributions: distributions.slice(0, impureLeaves * classes),
      importance: importance.slice(),
    };
  };
}
