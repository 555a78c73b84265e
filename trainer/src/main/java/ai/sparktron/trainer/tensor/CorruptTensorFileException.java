package ai.sparktron.trainer.tensor;

import java.nio.file.Path;

/** A tensor file that does not say what it should; the message names the file and, where there is one, the tensor. */
public final class CorruptTensorFileException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public CorruptTensorFileException(Path file, String what) {
        super(file + ": " + what);
    }

    public CorruptTensorFileException(Path file, String what, Throwable cause) {
        super(file + ": " + what, cause);
    }
}
