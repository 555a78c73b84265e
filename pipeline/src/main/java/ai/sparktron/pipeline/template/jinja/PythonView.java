package ai.sparktron.pipeline.template.jinja;

import java.util.List;

/** {@code dict.keys()}, {@code values()} or {@code items()}: has a length and can be looped over, but not indexed. */
record PythonView(String name, List<Object> items) {
}
