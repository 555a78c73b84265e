/** Runs Zeppelin notes without Zeppelin: start with {@link ai.sparktron.notebooks.runner.NoteRunner}. */
package ai.sparktron.notebooks.runner;
