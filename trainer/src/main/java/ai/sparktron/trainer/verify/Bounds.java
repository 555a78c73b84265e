package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.verify.Verification.Tolerances;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * How far each quantity of a case may be from the float32 numbers. In 16 bits, where nothing else is asked for, at most one and a half times as far as PyTorch itself is
 * in bfloat16, as the case says ({@code bfloat16-errors.json}, {@code trajectory-bfloat16.json}); in cases that do not say, by fixed bounds for such small models.
 *
 * <p>A single quantity may be near by chance, so the median of the gradients' errors is the least that a gradient is held to, and a tenth of the logits' error the least
 * that the loss is. Gradients of experts that no trained token goes to are 0 on all sides and no part of the median.
 */
final class Bounds {

    private static final double OF_PYTORCH = 1.5;
    private static final double LOSS_OF_LOGITS = 0.1;
    private static final Tolerances NARROW = new Tolerances(6e-2, 6e-3, 6e-2, 3e-2);

    private final Tolerances fixed;
    private final Map<String, Double> errors;
    private final double median;
    private final double trajectoryLoss;
    private final double trajectoryNorm;

    /** @param asked bounds that the user asked for, null = by type and case */
    static Bounds of(ReferenceCase reference, DType values, Tolerances asked) throws IOException {
        if (asked != null || values == DType.F32) {
            return new Bounds(asked == null ? Tolerances.FLOAT32 : asked, Map.of(), List.of(), List.of());
        }
        return new Bounds(NARROW, reference.bfloat16Errors(), reference.trajectory(), reference.bfloat16Trajectory());
    }

    private Bounds(Tolerances fixed, Map<String, Double> errors, List<ReferenceCase.Step> exact, List<ReferenceCase.Step> narrow) {
        this.fixed = fixed;
        this.errors = errors;
        double[] gradients = errors.entrySet().stream().filter(error -> error.getKey().startsWith("grad.")).mapToDouble(Map.Entry::getValue)
                .filter(error -> error > 0).sorted().toArray();
        this.median = gradients.length == 0 ? 0 : gradients[gradients.length / 2];
        double loss = 0;
        double norm = 0;
        for (int i = 0; i < narrow.size(); i++) {
            loss = Math.max(loss, Math.abs(narrow.get(i).loss() - exact.get(i).loss()));
            norm = Math.max(norm, Math.abs(narrow.get(i).gradientNorm() / exact.get(i).gradientNorm() - 1));
        }
        this.trajectoryLoss = narrow.isEmpty() ? fixed.trajectory() : OF_PYTORCH * loss;
        // A file without norms leaves them as they are in cases without one.
        this.trajectoryNorm = narrow.isEmpty() || Double.isNaN(norm) ? fixed.trajectory() : OF_PYTORCH * norm;
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

    /** Absolute, of each loss of a trajectory. */
    double trajectoryLoss() {
        return trajectoryLoss;
    }

    /** Relative, of each gradient norm of a trajectory. */
    double trajectoryNorm() {
        return trajectoryNorm;
    }
}
