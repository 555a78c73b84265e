package ai.sparktron.jobs.barrier;

import ai.sparktron.trainer.comm.CollectiveMismatchException;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.train.TrainingException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.TaskKilledException;

/** An error of a rank as the fields of a message: what kind it is, and whom it points to. */
final class FailureText {

    private static final int STACK_CHARACTERS = 16_000;

    private FailureText() {
    }

    /** @param stopReason why the attempt was over already when the error came, or null */
    static Map<String, String> fields(Throwable error, String stopReason) {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("error", stopReason != null ? "aborted" : kind(error));
        fields.put("message", message(error));
        StringWriter stack = new StringWriter();
        error.printStackTrace(new PrintWriter(stack));
        fields.put("stack", stack.toString().substring(0, Math.min(STACK_CHARACTERS, stack.getBuffer().length())));
        CommunicationException trouble = find(error, CommunicationException.class);
        if (trouble != null) {
            fields.put("suspects", trouble.suspects().stream().map(String::valueOf).collect(Collectors.joining(",")));
        }
        return fields;
    }

    private static String kind(Throwable error) {
        if (find(error, PermanentFailureException.class) != null || find(error, CollectiveMismatchException.class) != null
                || find(error, TrainingException.class) != null) {
            return "permanent";
        }
        if (find(error, AttemptAbortedException.class) != null || find(error, InterruptedException.class) != null
                || find(error, TaskKilledException.class) != null) {
            return "aborted";
        }
        if (find(error, CommunicationException.class) != null) {
            return "communication";
        }
        return find(error, IllegalArgumentException.class) != null ? "configuration" : "failed";
    }

    private static String message(Throwable error) {
        PermanentFailureException known = find(error, PermanentFailureException.class);
        if (known != null) {
            return known.getMessage();
        }
        boolean saysItAll = error instanceof IllegalArgumentException && error.getMessage() != null;
        return saysItAll ? error.getMessage() : String.valueOf(error);
    }

    private static <E extends Throwable> E find(Throwable error, Class<E> type) {
        int depth = 0;
        for (Throwable each = error; each != null && depth < 20; each = each.getCause(), depth++) {
            if (type.isInstance(each)) {
                return type.cast(each);
            }
        }
        return null;
    }
}
