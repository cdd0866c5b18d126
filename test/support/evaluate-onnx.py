"""Runs the ONNX model of a forest by the words of the standard, with the onnx package to read it and NumPy to compute.

Arguments: model.onnx, a JSON file {"port": [...], "features": [[...]]}. Prints the probabilities as JSON.
"""
import json
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
given = json.load(open(sys.argv[2]))
values = {
    'port': np.array(given['port'], np.int64),
    'features': np.array(given['features'], np.float32),
    **{tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer},
}


def label_encoder(x, a):
    table = dict(zip(a['keys_int64s'], a['values_floats']))
    return np.vectorize(lambda v: table.get(v, a['default_float']), otypes=[np.float32])(x)


def tree_ensemble(x, a):
    node = {(t, n): i for i, (t, n) in enumerate(zip(a['nodes_treeids'], a['nodes_nodeids']))}
    votes = {}
    for key in zip(a['class_treeids'], a['class_nodeids'], a['class_ids'], a['class_weights']):
        votes.setdefault(key[:2], []).append(key[2:])
    out = np.zeros((len(x), len(a['classlabels_strings'])))
    for row, cells in enumerate(x):
        for tree in set(a['nodes_treeids']):
            at = (tree, 0)
            while a['nodes_modes'][node[at]] != b'LEAF':
                i = node[at]
                assert a['nodes_modes'][i] == b'BRANCH_LEQ'
                left = cells[a['nodes_featureids'][i]] <= np.float32(a['nodes_values'][i])
                at = (tree, a['nodes_truenodeids' if left else 'nodes_falsenodeids'][i])
            for c, weight in votes[at]:
                out[row, c] += weight
    return out


for op in model.graph.node:
    x = [values[name] for name in op.input]
    a = {attribute.name: helper.get_attribute_value(attribute) for attribute in op.attribute}
    if op.op_type == 'Split':
        results = np.split(x[0], np.cumsum(x[1])[:-1], a['axis'])
    elif op.op_type == 'TreeEnsembleClassifier':
        results = [None, tree_ensemble(x[0], a)]
    else:
        results = [
            {
                'MatMul': lambda: x[0] @ x[1],
                'Cast': lambda: x[0].astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[a['to']]),
                'Unsqueeze': lambda: np.expand_dims(x[0], tuple(x[1])),
                'LabelEncoder': lambda: label_encoder(x[0], a),
                'Equal': lambda: x[0] == x[1],
                'Concat': lambda: np.concatenate(x, a['axis']),
                'Div': lambda: x[0] / x[1],
                'Identity': lambda: x[0],
            }[op.op_type]()
        ]
    values.update(zip(op.output, results))

print(json.dumps(values['probabilities'].tolist()))
