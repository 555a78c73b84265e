package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** Runs a branch forward again in backward ({@code recompute_modules mlp}); its input is the norm's output, which the block computes again anyway. */
final class RecomputedBranch implements Branch {

    private final String name;
    private final Branch branch;

    RecomputedBranch(String name, Branch branch) {
        this.name = name;
        this.branch = branch;
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        try (Saved nothing = Saved.discarding(pass.scratch())) {
            branch.forward(x, out, pass.with(nothing));
        }
    }

    @Override
    public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
        try (Saved again = pass.repeated()) {
            Pass second = pass.with(again);
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                Tensor out = scratch.tensor("again", dOut.dtype(), dOut.rows(), dOut.columns());
                branch.forward(x, out, second);
            }
            branch.backward(dOut, x, dx, second);
        }
    }
}
