"""Makes the weights of a model int8 by ONNX Runtime's own quantisation: quantize_dynamic.py <model> <where to>."""

import sys

from onnxruntime.quantization import QuantType, quantize_dynamic

quantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8, per_channel=True)
