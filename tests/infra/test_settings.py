"""What the environment says, and what is said for it."""

from infra.settings import LOCAL_TRACKING_URI, Settings, prefect_home, quiet_environment


def test_an_empty_environment_means_files_of_this_checkout() -> None:
    settings = Settings.from_environment({"MLFLOW_TRACKING_URI": ""})
    assert settings == Settings()
    assert settings.tracking_uri == LOCAL_TRACKING_URI
    assert settings.tracks_locally


def test_servers_and_parents_come_from_the_environment() -> None:
    environment = {
        "MLFLOW_TRACKING_URI": "http://mlflow:5000",
        "MLFLOW_EXPERIMENT_NAME": "mine",
        "PREFECT_API_URL": "http://prefect:4200/api",
        "S1_INVOCATION": "box-1-2",
        "S1_PARENT_FLOW_RUN_ID": "f",
        "S1_MLFLOW_PARENT_RUN_ID": "m",
    }
    assert Settings.from_environment(environment) == Settings(
        tracking_uri="http://mlflow:5000",
        experiment="mine",
        prefect_api_url="http://prefect:4200/api",
        invocation="box-1-2",
        parent_flow_run_id="f",
        mlflow_parent_run_id="m",
    )


def test_the_user_has_the_last_word_on_quiet() -> None:
    environment = quiet_environment({"PREFECT_LOGGING_LEVEL": "DEBUG"})
    assert environment["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert environment["DO_NOT_TRACK"] == "true"


def test_prefects_history_lies_in_the_checkout_unless_the_user_has_a_place() -> None:
    assert prefect_home({}).parts[-2:] == (".s1", "prefect")
    assert str(prefect_home({"PREFECT_HOME": "/srv/prefect"})) == "/srv/prefect"
