package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What every layer keeps to: its gradients are those of its forward, by finite differences in float64; gradients of parameters accumulate, those of activations
 * overwrite; several micro-batches may be in flight; a frozen layer passes gradients through; arenas are empty afterwards.
 */
abstract class LayerContract {

    private static final double STEP = 1e-4;
    /** Inverse root mean squares, log-sum-exps and rope tables are float32. */
    private static final double TOLERANCE = 3e-6;

    /** A layer as a function of an activation [T, D]. */
    interface Subject {
        void forward(Tensor x, Tensor out, Pass pass);

        /** @param dx overwritten */
        void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass);

        static Subject of(Branch branch) {
            return new Subject() {
                @Override
                public void forward(Tensor x, Tensor out, Pass pass) {
                    branch.forward(x, out, pass);
                }

                @Override
                public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
                    branch.backward(dOut, x, dx, pass);
                }
            };
        }

        /** The stream comes in two addends; the sum of what leaves is looked at. */
        static Subject of(StreamLayer layer, LayerLab lab) {
            return new Subject() {
                @Override
                public void forward(Tensor x, Tensor out, Pass pass) {
                    // Allocated where it outlives the call, as the model does.
                    try (Saved.Slot slot = pass.saved().push("subject")) {
                        Stream in = new Stream(slot.tensor("in", x.dtype(), x.rows(), x.columns()), slot.tensor("in.delta", x.dtype(), x.rows(), x.columns()));
                        Stream made = new Stream(slot.tensor("out", x.dtype(), x.rows(), x.columns()), slot.tensor("out.delta", x.dtype(), x.rows(), x.columns()));
                        pass.kernels().copy(x, in.residual());
                        pass.kernels().scale(in.residual(), 0.75f);
                        pass.kernels().copy(x, in.delta());
                        pass.kernels().scale(in.delta(), 0.25f);
                        layer.forward(in, made, pass);
                        pass.kernels().add(made.residual(), made.delta(), out);
                    }
                }

                @Override
                public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
                    pass.kernels().copy(dOut, dx);
                    layer.backward(dx, pass);
                    pass.saved().pop("subject").close();
                }
            };
        }
    }

    /** Parameters of the layer under test, by a part of their names. */
    abstract String parametersNamed();

    abstract LayerLab lab(boolean trainable);

    abstract Subject subject(LayerLab lab);

    /** out of x, evaluated. */
    private static double[] evaluate(LayerLab lab, Subject subject, double[] x) {
        StackArena microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
        double[] result;
        try (Arena.Frame frame = lab.run.open("evaluate"); Pass pass = lab.begin(Pass.Mode.EVALUATE, microBatch, 1, false)) {
            Tensor out = lab.tensor(frame, "out", new double[x.length]);
            subject.forward(lab.tensor(frame, "x", x), out, pass);
            assertEquals(0, pass.saved().depth());
            result = lab.read(out);
        }
        assertEquals(0, lab.scratch.usedBytes());
        microBatch.close();
        return result;
    }

    /** A training pass in two halves. */
    private static final class Flight implements AutoCloseable {
        private final LayerLab lab;
        private final Subject subject;
        private final StackArena microBatch;
        private final Pass pass;
        private final Arena.Frame frame;
        private final Tensor x;
        private final Tensor out;
        private final Tensor dOut;
        private final Tensor dx;

        Flight(LayerLab lab, Subject subject, double[] x, double[] weights) {
            this.lab = lab;
            this.subject = subject;
            this.microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
            this.frame = lab.run.open("flight");
            this.x = lab.tensor(frame, "x", x);
            this.out = lab.tensor(frame, "out", new double[x.length]);
            this.dOut = lab.tensor(frame, "dOut", weights);
            double[] garbage = new double[x.length];
            java.util.Arrays.fill(garbage, Double.NaN);
            this.dx = lab.tensor(frame, "dx", garbage);
            this.pass = lab.begin(Pass.Mode.TRAIN, microBatch, 1, false);
        }

        double[] forward() {
            subject.forward(x, out, pass);
            return lab.read(out);
        }

        double[] backward(double[] weights) {
            subject.backward(dOut, x, dx, pass);
            assertArrayEquals(weights, lab.read(dOut), "the gradient given must stay as it is");
            return lab.read(dx);
        }

        @Override
        public void close() {
            assertEquals(0, pass.saved().depth(), "backward left entries");
            pass.close();
            assertEquals(0, microBatch.usedBytes());
            assertEquals(0, lab.scratch.usedBytes());
            microBatch.close();
            frame.close();
        }
    }

    private static double[] dot(LayerLab lab, Subject subject, double[] x, double[] weights) {
        double sum = 0;
        double[] out = evaluate(lab, subject, x);
        for (int i = 0; i < out.length; i++) {
            sum += out[i] * weights[i];
        }
        return new double[] {sum};
    }

    @Test
    void gradientsAreThoseOfForward() {
        LayerLab lab = lab(true);
        Subject subject = subject(lab);
        double[] x = lab.activation(3);
        double[] weights = lab.activation(4);
        double[] dx;
        try (Flight flight = new Flight(lab, subject, x, weights)) {
            assertArrayEquals(evaluate(lab, subject, x), flight.forward(), "training and evaluation differ");
            dx = flight.backward(weights);
        }
        double[] numeric = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double old = x[i];
            x[i] = old + STEP;
            double up = dot(lab, subject, x, weights)[0];
            x[i] = old - STEP;
            double down = dot(lab, subject, x, weights)[0];
            x[i] = old;
            numeric[i] = (up - down) / (2 * STEP);
        }
        assertClose("input", numeric, dx, TOLERANCE);
        int checked = 0;
        for (Parameter parameter : lab.parameters.all()) {
            if (parameter.spec().buffer()) {
                continue;
            }
            double[] analytic = lab.read(parameter.gradient());
            if (!belongs(parameter)) {
                assertArrayEquals(new double[analytic.length], analytic, parameter.spec().name() + " does not belong to the layer");
                continue;
            }
            double[] values = lab.read(parameter.value());
            double[] slopes = new double[values.length];
            for (int i = 0; i < values.length; i++) {
                double old = values[i];
                values[i] = old + STEP;
                lab.write(parameter.value(), values);
                double up = dot(lab, subject, x, weights)[0];
                values[i] = old - STEP;
                lab.write(parameter.value(), values);
                double down = dot(lab, subject, x, weights)[0];
                values[i] = old;
                lab.write(parameter.value(), values);
                slopes[i] = (up - down) / (2 * STEP);
            }
            assertClose(parameter.spec().name(), slopes, analytic, TOLERANCE);
            checked++;
        }
        assertTrue(checked >= 2, "parameters checked: " + checked);
    }

    /** The norm before a branch has its name but is part of the block. */
    private boolean belongs(Parameter parameter) {
        String name = parameter.spec().name();
        boolean ofTheBlock = name.endsWith("layer_norm_weight") && (parametersNamed().endsWith("mlp.") || parametersNamed().endsWith("self_attention."));
        return name.contains(parametersNamed()) && !ofTheBlock;
    }

    @Test
    void parameterGradientsAccumulateActivationGradientsOverwrite() {
        LayerLab lab = lab(true);
        Subject subject = subject(lab);
        double[] weights = lab.activation(4);
        List<double[]> inputs = new ArrayList<>();
        List<double[]> sums = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            try (Flight flight = new Flight(lab, subject, lab.activation(3), weights)) {
                flight.forward();
                inputs.add(flight.backward(weights));
                sums.add(lab.gradients());
            }
        }
        assertArrayEquals(inputs.get(0), inputs.get(1));
        double[] twice = sums.get(0).clone();
        for (int i = 0; i < twice.length; i++) {
            twice[i] *= 2;
        }
        assertClose("accumulated", twice, sums.get(1), 1e-12);
    }

    @Test
    void twoMicroBatchesMayBeInFlight() {
        LayerLab lab = lab(true);
        Subject subject = subject(lab);
        double[] weights = lab.activation(4);
        double[][] oneByOne = new double[2][];
        for (int i = 0; i < 2; i++) {
            try (Flight flight = new Flight(lab, subject, lab.activation(10 + i), weights)) {
                flight.forward();
                oneByOne[i] = flight.backward(weights);
            }
        }
        double[] expected = lab.gradients();
        lab.clearGradients();
        // Inner resources close first, so the second flight ends before the first; its backward runs after the first's, as in a pipeline.
        try (Flight first = new Flight(lab, subject, lab.activation(10), weights); Flight second = new Flight(lab, subject, lab.activation(11), weights)) {
            first.forward();
            second.forward();
            assertArrayEquals(oneByOne[0], first.backward(weights));
            assertArrayEquals(oneByOne[1], second.backward(weights));
        }
        assertArrayEquals(expected, lab.gradients());
    }

    @Test
    void aFrozenLayerPassesTheGradientThrough() {
        LayerLab trained = lab(true);
        LayerLab frozen = lab(false);
        assertNull(frozen.parameters.gradient());
        double[] weights = trained.activation(4);
        double[][] gradients = new double[2][];
        LayerLab[] labs = {trained, frozen};
        for (int i = 0; i < 2; i++) {
            copyParameters(trained, labs[i]);
            try (Flight flight = new Flight(labs[i], subject(labs[i]), trained.activation(3), weights)) {
                flight.forward();
                gradients[i] = flight.backward(weights);
            }
        }
        assertArrayEquals(gradients[0], gradients[1]);
    }

    /** By name: frozen parameters lie elsewhere in the flat buffer. */
    private static void copyParameters(LayerLab from, LayerLab to) {
        for (Parameter parameter : from.parameters.all()) {
            to.write(to.parameters.get(parameter.spec().name()).value(), from.read(parameter.value()));
        }
    }

    static void assertClose(String what, double[] expected, double[] actual, double tolerance) {
        assertEquals(expected.length, actual.length, what);
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += (expected[i] - actual[i]) * (expected[i] - actual[i]);
            norm += expected[i] * expected[i];
        }
        double relative = Math.sqrt(difference) / Math.max(1e-9, Math.sqrt(norm));
        assertTrue(relative <= tolerance, what + ": relative difference " + relative + " > " + tolerance);
    }
}
