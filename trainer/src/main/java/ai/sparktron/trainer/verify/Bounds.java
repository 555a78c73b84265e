package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.verify.ReferenceCase.Trajectory;
import ai.sparktron.trainer.verify.Verification.Tolerances;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * How far each quantity of a case may be from the float32 numbers. In 16 bits, where nothing else is asked for, at most one and a half times as far as PyTorch itself is
 * in bfloat16, as the case says ({@code bfloat16-errors.json}, {@code trajectory-bfloat16.json}); in cases that do not say, by fixed bounds for such small models.
 *
 * <p>A single quantity may be near by chance, so the median of the gradients' errors is the least that a gradient is held to, and a tenth of the logits' error the least
 * that the loss is. Gradients of experts that no trained token goes to are 0 on all sides and no part of the median. Runs that round differently part on a trajectory, so
 * that single steps are a matter of luck: its losses, and its norms, are held together to the farthest of PyTorch's runs, as the norm of the difference over the norm.
 */
final class Bounds {

    private static final double OF_PYTORCH = 1.5;
    private static final double LOSS_OF_LOGITS = 0.1;
    private static final Tolerances NARROW = new Tolerances(6e-2, 6e-3, 6e-2, 3e-2);

    private final Tolerances fixed;
    private final Map<String, Double> errors;
    private final double median;
    private final double trajectoryLosses;
    private final double trajectoryNorms;

    /** @param asked bounds that the user asked for, null = by type and case */
    static Bounds of(ReferenceCase reference, DType values, Tolerances asked) throws IOException {
        if (asked != null || values == DType.F32) {
            return new Bounds(asked == null ? Tolerances.FLOAT32 : asked, Map.of(), null, List.of());
        }
        return new Bounds(NARROW, reference.bfloat16Errors(), Trajectory.of(reference.trajectory()), reference.bfloat16Trajectories());
    }

    private Bounds(Tolerances fixed, Map<String, Double> errors, Trajectory exact, List<Trajectory> narrow) {
        this.fixed = fixed;
        this.errors = errors;
        double[] gradients = errors.entrySet().stream().filter(error -> error.getKey().startsWith("grad.")).mapToDouble(Map.Entry::getValue)
                .filter(error -> error > 0).sorted().toArray();
        this.median = gradients.length == 0 ? 0 : gradients[gradients.length / 2];
        this.trajectoryLosses = OF_PYTORCH * farthest(narrow, exact, Trajectory::losses);
        this.trajectoryNorms = OF_PYTORCH * farthest(narrow, exact, Trajectory::norms);
    }

    /** Of some runs from the exact one; NaN without any. */
    private static double farthest(List<Trajectory> runs, Trajectory exact, Function<Trajectory, float[]> figures) {
        return runs.stream().mapToDouble(run -> Comparison.relative(figures.apply(run), figures.apply(exact))).max().orElse(Double.NaN);
    }

    double logits() {
        return errors.isEmpty() ? fixed.logits() : OF_PYTORCH * errors.get("logits");
    }

    double loss() {
        return errors.isEmpty() ? fixed.loss() : OF_PYTORCH * Math.max(errors.get("loss"), LOSS_OF_LOGITS * errors.get("logits"));
    }

    /** @param name {@code grad.} and the tensor's name */
    double gradient(String name) {
        return errors.isEmpty() ? fixed.gradient() : OF_PYTORCH * Math.max(errors.getOrDefault(name, 0.0), median);
    }

    /** Of a step of a trajectory, where steps are held each for itself: of the loss absolute, of the gradient's norm relative. */
    double trajectoryStep() {
        return fixed.trajectory();
    }

    /** Relative, of all losses of a trajectory together; NaN where steps are held each for itself. */
    double trajectoryLosses() {
        return trajectoryLosses;
    }

    /** As {@link #trajectoryLosses}, of the gradients' norms. */
    double trajectoryNorms() {
        return trajectoryNorms;
    }
}
