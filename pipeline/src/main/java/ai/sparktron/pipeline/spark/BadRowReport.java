package ai.sparktron.pipeline.spark;

import java.io.Serializable;

/**
 * A row that was not used.
 *
 * @param file     file or frame it stands in
 * @param line     its line (for a frame its number within a partition)
 * @param reason   category, as counted
 * @param message  what was wrong and what to do
 * @param excerpt  the row's beginning
 * @param position place within its set, by which reports are ordered
 */
public record BadRowReport(String file, long line, String reason, String message, String excerpt, long position) implements Serializable {

    @Override
    public String toString() {
        return file + ":" + line + ": " + reason + ": " + message + "\n      " + excerpt;
    }
}
