package ai.sparktron.pipeline.template.jinja;

/**
 * The result of {@code safe} and {@code escape}. Python's Markup escapes what is added to it later; here it can be printed, compared and stored,
 * and everything else done with it is refused instead of being done without the escapes.
 */
record Markup(String text) {
}
