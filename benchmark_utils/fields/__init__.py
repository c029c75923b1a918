"""Fields on disk.

layout (what a file holds), partition (who owns which cell), field (both),
reading; arrays (a matrix without a file); cache, store, live (writing);
reference, difficulty (what is computed from a field once); opening, netcdf3,
links, decoding, time_units, file_axes, hdf5_input, state, weights, survey
(users' files) and column_grid (from columns to maps); physics (numerics of
simulations). Imports nothing else of the project.
"""
