"""Key-value cache of the local engine: one row per sequence, every row at its own position.

Knows tensors; knows no requests and no sampling. Rows are filled from index 0 without padding; a token's entry depends
only on the tokens before it, so the beginning of one row may be copied into another.

Example::

    cache = RowCache(num_rows=4)
    cache.place(rows=slice(0, 4), positions=positions, span=17)      # before each forward of the model
"""

import torch


class RowCache:
    """Takes the place of a transformers cache in ``model(..., past_key_values=cache)``.

    Keys and values per layer have the shape (rows, heads, capacity, head size) and grow with the longest row.
    """

    def __init__(self, *, num_rows: int) -> None:
        self.num_rows = num_rows
        self.capacity = 0
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []
        self._rows: slice | torch.Tensor = slice(0, 0)
        self._row_index = torch.empty(0, dtype=torch.long)
        self._positions = torch.empty(0, dtype=torch.long)
        self._span = 0

    def reserve(self, capacity: int) -> None:
        """Make room for rows of ``capacity`` tokens, in steps of 128 so that growing stays rare."""
        if capacity <= self.capacity:
            return
        self.capacity = -(-capacity // 128) * 128
        self._keys = [self._grown(tensor) for tensor in self._keys]
        self._values = [self._grown(tensor) for tensor in self._values]

    def _grown(self, tensor: torch.Tensor) -> torch.Tensor:
        grown = tensor.new_zeros(*tensor.shape[:2], self.capacity, tensor.shape[3])
        grown[:, :, : tensor.shape[2]] = tensor
        return grown

    def place(self, *, rows: slice | torch.Tensor, positions: torch.Tensor, span: int) -> None:
        """Say where the next forward writes.

        Args:
            rows: a slice of rows (no copy on reading) or their indices (n,).
            positions: (n, new tokens) index of every new token in its row.
            span: attend to the first ``span`` entries; what lies behind a row's own position must be masked.
        """
        device = positions.device
        self._rows = rows
        index = torch.arange(rows.start, rows.stop, device=device) if isinstance(rows, slice) else rows
        self._row_index = index[:, None]
        self._positions = positions
        self._span = span

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write a layer's new keys and values (n, heads, new tokens, head size); return all of these rows."""
        if layer_idx == len(self._keys):
            shape = (self.num_rows, key_states.shape[1], self.capacity, key_states.shape[3])
            self._keys.append(key_states.new_zeros(shape))
            self._values.append(value_states.new_zeros(shape))
        keys, values = self._keys[layer_idx], self._values[layer_idx]
        keys[self._row_index, :, self._positions] = key_states.transpose(1, 2)
        values[self._row_index, :, self._positions] = value_states.transpose(1, 2)
        return keys[self._rows, :, : self._span], values[self._rows, :, : self._span]

    def copy_row(self, *, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` entries of one row into another."""
        for tensor in (*self._keys, *self._values):
            tensor[target, :, :length] = tensor[source, :, :length]
