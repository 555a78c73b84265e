package ai.sparktron.notebooks.runner;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Runs a note as Zeppelin's Spark interpreter does: {@code %spark.conf} before the session starts, then {@code %spark} paragraphs one after the
 * other in one Scala interpreter that knows {@code spark}, {@code sc} and {@code z}. The class path stands for {@code spark.jars}.
 */
public final class NoteRunner {

    private static final String SPARK = "spark";
    private static final String CONF = "spark.conf";

    /** Zeppelin's names in front of the first paragraph. */
    private static final String IMPORTS = "import org.apache.spark.SparkContext._\nimport spark.implicits._\nimport spark.sql\nimport org.apache.spark.sql.functions._";

    private final SparkConf conf;
    private final NoteForms forms;
    private final Map<String, String> noteConf = new LinkedHashMap<>();
    private SparkSession session;
    private ScalaRepl repl;

    private NoteRunner(SparkConf conf, Map<String, String> forms) {
        this.conf = conf.clone();
        this.forms = new NoteForms(forms);
    }

    /**
     * What a note did.
     *
     * @param conf    settings of its {@code %spark.conf}
     * @param outputs by paragraph title, in order, for each {@code %spark} paragraph
     */
    public record Result(Map<String, String> conf, Map<String, List<Display>> outputs) {

        /** The only piece of the given kind that a paragraph showed. @throws AssertionError when there is none, or more than one */
        public Display only(String title, String kind) {
            List<Display> found = outputs.getOrDefault(title, List.of()).stream().filter(piece -> piece.kind().equals(kind)).toList();
            if (found.size() != 1) {
                throw new AssertionError("paragraph '" + title + "' shows " + found.size() + " pieces of kind " + kind + ", expected 1; all outputs: " + outputs);
            }
            return found.get(0);
        }
    }

    /**
     * Runs all paragraphs. The session ends with the note.
     *
     * @param conf  of the machine: master and the like; a note's own settings come on top
     * @param forms values of the note's text fields
     * @throws NoteException when a paragraph fails, naming it, or a form is filled in that the note does not have
     */
    public static Result run(Note note, SparkConf conf, Map<String, String> forms) {
        NoteRunner runner = new NoteRunner(conf, forms);
        try {
            Map<String, List<Display>> outputs = runner.run(note);
            if (!runner.forms.neverAsked().isEmpty()) {
                throw new NoteException("the note " + note.name() + " has no text field for " + runner.forms.neverAsked());
            }
            return new Result(runner.noteConf, outputs);
        } finally {
            runner.stop();
        }
    }

    private Map<String, List<Display>> run(Note note) {
        check(note);
        Map<String, List<Display>> outputs = new LinkedHashMap<>();
        for (Note.Paragraph paragraph : note.paragraphs()) {
            if (paragraph.interpreter().equals(CONF)) {
                configure(paragraph);
            } else if (paragraph.interpreter().equals(SPARK)) {
                outputs.put(paragraph.title(), spark(note, paragraph));
            }
        }
        return outputs;
    }

    /** Finds what can be found before anything runs. */
    private static void check(Note note) {
        Set<String> titles = new HashSet<>();
        boolean started = false;
        for (Note.Paragraph paragraph : note.paragraphs()) {
            String place = "paragraph '" + paragraph.title() + "' of " + note.name();
            if (!List.of(SPARK, CONF, "md").contains(paragraph.interpreter())) {
                throw new NoteException(place + " wants the interpreter %" + paragraph.interpreter() + "; notes of this project use %md, %spark.conf and %spark");
            }
            if (!titles.add(paragraph.title())) {
                throw new NoteException(place + " is not the only one with this title");
            }
            if (paragraph.interpreter().equals(CONF) && started) {
                throw new NoteException(place + ": settings behind the first %spark paragraph have no effect in Zeppelin");
            }
            started |= paragraph.interpreter().equals(SPARK);
        }
    }

    private void configure(Note.Paragraph paragraph) {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(paragraph.text()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        properties.stringPropertyNames().forEach(name -> noteConf.put(name, properties.getProperty(name)));
        noteConf.forEach((name, value) -> {
            if (!name.equals("spark.jars") && name.startsWith("spark.")) {
                conf.set(name, value);
            }
        });
    }

    private List<Display> spark(Note note, Note.Paragraph paragraph) {
        if (session == null) {
            start(note);
        }
        ScalaRepl.Outcome outcome = repl.run(paragraph.text());
        if (!outcome.succeeded()) {
            throw new NoteException("paragraph '" + paragraph.title() + "' of " + note.name() + " failed:\n" + outcome.messages() + outcome.printed());
        }
        return Display.of(outcome.printed());
    }

    private void start(Note note) {
        session = SparkSession.builder().config(conf).appName(note.name()).getOrCreate();
        repl = new ScalaRepl();
        repl.bind("spark", SparkSession.class, session);
        repl.bind("sc", SparkContext.class, session.sparkContext());
        repl.bind("z", NoteForms.class, forms);
        ScalaRepl.Outcome imports = repl.run(IMPORTS);
        if (!imports.succeeded()) {
            throw new IllegalStateException("the interpreter does not start: " + imports.messages());
        }
    }

    private void stop() {
        if (repl != null) {
            repl.close();
        }
        if (session != null) {
            session.stop();
        }
    }
}
