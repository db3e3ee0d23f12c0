"""Samplers and stopping rules by name: shipped ones, and a user's own ones as ``module:Class``.

The shipped classes are discovered: a YAML file in the configuration group names a module of the
group's package, and the module defines one class of the group. A user's own class is imported only
when a study is configured or run, never when a study is read: another person may have made it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from types import ModuleType
from typing import Any, cast

from unitsearch import resources
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Declared, declared, read, write_all


@dataclass(frozen=True)
class ExtensionGroup:
    """A configuration group whose options are classes.

    Attributes:
        name: The group's name in the configuration.
        package: The package of the shipped modules.
        method: The call of the method that every class of the group has, for messages.
        arguments: The names of the arguments that an instance is made with, before its settings.
        common: Keys of the group that belong to every option.
        shares_settings: Whether an override may give a setting of another shipped option, which
            then has no effect. Version 0.1 allowed it for samplers, and a sweep over samplers can
            give the settings of each.
    """

    name: str
    package: str
    method: str
    arguments: tuple[str, ...]
    common: tuple[str, ...]
    shares_settings: bool

    def shipped(self) -> tuple[str, ...]:
        """Return the names of the shipped options."""
        folder = resources.config_folder() / self.name
        return tuple(sorted(path.stem for path in folder.glob("*.yaml")))

    def find(self, name: str) -> type[Any]:
        """Return the class called ``name``: a shipped one, or ``module:Class``.

        Raises:
            UsageError: If there is no such class, or it lacks a part of the group's protocol.
        """
        if not is_own(name):
            if name not in self.shipped():
                raise self._unknown(name)
            return self._only_class(importlib.import_module(f"{self.package}.{name}"))
        module_name, _, attribute = name.partition(":")
        module = self._imported(name, module_name)
        cls = getattr(module, attribute, None)
        if cls is None:
            classes = [key for key, value in vars(module).items() if self._is_complete(value)]
            raise UsageError(
                place=self.name,
                found=name,
                expected=f"a class that {module_name} holds",
                fix=did_you_mean(attribute, classes),
            )
        self._check(name, cls)
        return cast(type[Any], cls)

    def settings(self, name: str) -> tuple[Declared, ...]:
        """Return the declared settings of the option called ``name``."""
        settings = _settings_class(self.find(name))
        return () if settings is None else declared(settings)

    def keys(self, name: str) -> list[str]:
        """Return the keys of the option called ``name``, with the keys that every option has."""
        return ["name", *(field.key for field in self.settings(name)), *self.common]

    def read_settings(self, name: str, plain: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Return the settings of the option ``name`` as checked plain data, defaults included.

        Raises:
            SpecError: If a key is not a setting of the option, or a value breaks its rule.
        """
        instance = self._read_settings(name, plain, place)
        return {} if instance is None else write_all(instance)

    def make(self, name: str, plain: Mapping[str, Any], arguments: Sequence[Any] = ()) -> Any:
        """Return an instance of the option called ``name`` with the settings ``plain``.

        Raises:
            UsageError: If there is no such class.
            SpecError: If a setting is wrong.
        """
        settings = self._read_settings(name, plain, self.name)
        return self.find(name)(*arguments, *([] if settings is None else [settings]))

    def is_of_another(self, name: str, key: str) -> bool:
        """Return whether ``key`` is a setting of another shipped option, but not of ``name``."""
        if name not in self.shipped() or key in self.keys(name):
            return False
        return any(key in self.keys(other) for other in self.shipped())

    def check_setting_of_another(self, key: str, value: Any) -> None:
        """Check the value of a setting that belongs to a shipped option which is not chosen.

        Raises:
            SpecError: If it breaks the setting's rule.
        """
        for option in self.shipped():
            for field in self.settings(option):
                if field.key == key:
                    field.rule.read(value, f"{self.name}.{key}")

    def _read_settings(self, name: str, plain: Mapping[str, Any], place: str) -> Any:
        settings = _settings_class(self.find(name))
        known = () if settings is None else declared(settings)
        for key in plain:
            if key not in {field.key for field in known}:
                raise self.unknown_setting(name, key, place)
        return None if settings is None else read(settings, plain, place)

    def unknown_setting(self, name: str, key: str, place: str) -> SpecError:
        """Return the error for a key that is no setting of the option called ``name``."""
        keys = [key for key in self.keys(name) if key != "name"]
        others = [other for other in self.shipped() if key in self.keys(other)]
        return SpecError(
            place=f"{place}.{key}",
            found=key,
            expected=f"a key of {self.name}={name}: {', '.join(keys)}" if keys
            else f"no key: {self.name}={name} has none",
            fix=f"it is a key of {self.name}={' and '.join(others)}" if others
            else did_you_mean(key, keys, listed=False),
        )  # fmt: skip

    def _unknown(self, name: str) -> UsageError:
        names = self.shipped()
        return UsageError(
            place=self.name,
            found=name,
            expected=f"one of {', '.join(names)}",
            fix=did_you_mean(name, names, listed=False) or "or a class of yours as MODULE:CLASS",
        )

    def _imported(self, name: str, module_name: str) -> ModuleType:
        if not all(part.isidentifier() for part in module_name.split(".")):
            raise UsageError(place=self.name, found=name, expected="PACKAGE.MODULE:CLASS")
        try:
            return importlib.import_module(module_name)
        except (ImportError, SyntaxError) as error:
            raise UsageError(
                place=self.name,
                found=name,
                expected=f"a module that can be imported ({error})",
                fix="install the package that holds it, or add its folder to PYTHONPATH",
            ) from None

    def _only_class(self, module: ModuleType) -> type[Any]:
        [cls] = [
            value for value in vars(module).values()
            if self._is_complete(value) and value.__module__ == module.__name__
        ]  # fmt: skip
        return cast(type[Any], cls)

    def _is_complete(self, value: Any) -> bool:
        """Return whether ``value`` is a class with every part of the group's protocol."""
        method = getattr(value, self.method.partition("(")[0], None)
        has_all = callable(method) and isinstance(getattr(value, "looks_at_outcomes", None), bool)
        return isinstance(value, type) and has_all

    def _check(self, name: str, cls: Any) -> None:
        if not self._is_complete(cls):
            raise UsageError(
                place=self.name,
                found=name,
                expected=f"a class with looks_at_outcomes (True or False) and {self.method}",
            )
        settings = _settings_class(cls)
        arguments = self.arguments
        if settings is not None:
            arguments = (*arguments, "settings")
            self._check_settings(name, settings)
        try:
            inspect.signature(cls).bind(*arguments)
        except TypeError:
            raise UsageError(
                place=self.name,
                found=name,
                expected=f"a class that is made as {cls.__name__}({', '.join(arguments)})",
            ) from None

    def _check_settings(self, name: str, settings: Any) -> None:
        is_data = isinstance(settings, type) and is_dataclass(settings)
        keys = [field.key for field in declared(cast(type[Any], settings))] if is_data else []
        if not keys:
            raise UsageError(
                place=self.name,
                found=f"{name}.Settings",
                expected="a frozen data class whose fields are declared",
                fix="declare each as NAME: TYPE = field_(RULE, DEFAULT), from unitsearch.fields",
            )
        reserved = sorted({"name", *self.common} & set(keys))
        if reserved:
            raise UsageError(
                place=self.name,
                found=f"{name}.Settings.{reserved[0]}",
                expected=f"a name other than {', '.join(('name', *self.common))}",
            )


def is_own(name: str) -> bool:
    """Return whether ``name`` names a user's own class."""
    return ":" in name


def _settings_class(cls: type[Any]) -> type[Any] | None:
    """Return the class of the settings of ``cls``, None if it has no settings."""
    return getattr(cls, "Settings", None)


SAMPLERS = ExtensionGroup(
    "sampler",
    "unitsearch.search.samplers",
    "propose(number, visible, admits)",
    ("problem",),
    ("lag",),
    shares_settings=True,
)
STOPPING_RULES = ExtensionGroup(
    "stopping",
    "unitsearch.search.stopping",
    "bars(trial, visible, epochs)",
    (),
    (),
    shares_settings=False,
)
GROUPS = {group.name: group for group in (SAMPLERS, STOPPING_RULES)}
