#!/usr/bin/env bash
#SBATCH --job-name=distributed-pca
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --signal=B:TERM@120
# The benchmark on two nodes: `sbatch examples/slurm.sh` in this folder. What
# follows the script's name goes to benchopt. Two minutes before the time ends,
# the finished results are gathered; see docs/clusters.rst.

# module load python mpich && source ~/environment/bin/activate

arguments=(run . --config configs/slurm.yml --no-display
           --output "slurm_$SLURM_JOB_ID" "$@")
benchopt "${arguments[@]}" &
trap 'kill $!' TERM
if ! wait $!; then
    wait $!
    benchopt "${arguments[@]}" --collect
    exit 1
fi
