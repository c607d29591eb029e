"""Sample inputs as NumPy 2.4.6 saves them, for test/models/npz.test.ts: python samples_npz.py FOLDER

`images.json` says what `images.npz` and `one.npy` hold, by NumPy's own words.
"""

import json
import sys

import numpy as np

folder = sys.argv[1]
arrays = {
    "f4": np.arange(12, dtype="<f4").reshape(2, 2, 3) / 7,
    "f8": np.array([[1e300, -0.1]]),
    "f2": np.array([0.5, -2], dtype="<f2"),
    "i8": np.array([-(2**62), 2**53 + 1]),
    "u1": np.array([0, 255], dtype="u1"),
    "b1": np.array([True, False]),
    "text": np.array(["red", "größer", "", "🐧"]),
    "scalar": np.float32(2.5),
}
np.savez(f"{folder}/all.npz", **arrays)
np.savez_compressed(f"{folder}/packed.npz", **arrays)
np.savez(f"{folder}/tokens.npz", input_ids=np.array([[1, 2, 3], [4, 5, 6]]), attention_mask=np.ones((2, 3), dtype="i8"))
np.save(f"{folder}/image.npy", np.linspace(-1, 1, 2 * 192, dtype="f4").reshape(2, 3, 8, 8))
np.save(f"{folder}/fortran.npy", np.asfortranarray(np.ones((2, 3))))
np.save(f"{folder}/big.npy", np.ones(3, dtype=">f4"))
np.save(f"{folder}/complex.npy", np.ones(3, dtype="c8"))
plain = {name: [str(v) if array.dtype.kind in "iU" else float(v) for v in np.ravel(array)] for name, array in arrays.items()}
shapes = {name: list(np.shape(array)) for name, array in arrays.items()}
with open(f"{folder}/all.json", "w", encoding="utf-8") as file:
    json.dump({"values": plain, "shapes": shapes}, file, ensure_ascii=False)
