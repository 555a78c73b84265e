package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.train.TensorWorlds;
import ai.sparktron.trainer.verify.Verification;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One rank of {@link VerifyCommand}: cases one after the other, with one engine for all. The first rank tells lines and verdicts; whether all it has compared is
 * within its bounds is the result.
 *
 * @param cases directories
 */
record HostVerification(Options options, ArrayList<String> cases) implements HostTask<Boolean> {

    private static final long serialVersionUID = 1L;

    @Override
    public String rankName() {
        return "rank";
    }

    @Override
    public Boolean run(HostPlace place) throws IOException {
        try (Engine engine = Engines.of(options).open(place.device()); TensorWorlds.Opened tensors = Engines.worlds(options).open(place.world(), engine)) {
            try {
                boolean passed = true;
                for (String directory : cases) {
                    passed &= passes(Path.of(directory), place, engine, tensors);
                }
                return passed;
            } catch (IOException | RuntimeException | Error failure) {
                // Before the world is closed, which would wait for the others.
                tensors.world().abort(failure);
                throw failure;
            }
        }
    }

    private boolean passes(Path directory, HostPlace place, Engine engine, TensorWorlds.Opened tensors) throws IOException {
        Verification.Report report = VerifyCommand.verification(options).run(directory, engine, tensors.world());
        if (place.world().rank() == 0) {
            List<String> lines = report.lines(directory, place.world().size());
            lines.forEach(place::line);
        }
        return report.passed();
    }
}
