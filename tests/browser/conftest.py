"""The server of forms, for every test of this folder that names it."""

from tests.flows.form_server import form_server as form_server
