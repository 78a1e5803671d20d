import { HEADERS, OPERATION_TYPES, TYPES, type WsdlType } from "./wsdl-types";
import { escapeXml } from "./xml";

/** Returns the partner WSDL of an API version for this address. It has the operations of the emulator, with the types that Salesforce gives them. */
export function partnerWsdl(origin: string, version: number): string {
  const address = `${origin}/services/Soap/u/${version}.0`;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<definitions targetNamespace="urn:partner.soap.sforce.com" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:tns="urn:partner.soap.sforce.com" xmlns:fns="urn:fault.partner.soap.sforce.com" xmlns:ens="urn:sobject.partner.soap.sforce.com">`,
    `<types>${sObjectSchema()}${partnerSchema()}${faultSchema()}</types>`,
    messages(),
    portType(),
    binding(),
    `<service name="SforceService"><port binding="tns:SoapBinding" name="Soap"><soap:address location="${escapeXml(address)}"/></port></service>`,
    `</definitions>`,
  ].join("\n");
}

function sObjectSchema(): string {
  const elements = [
    `<element name="type" type="xsd:string"/>`,
    `<element name="fieldsToNull" type="xsd:string" nillable="true" minOccurs="0" maxOccurs="unbounded"/>`,
    `<element name="Id" type="tns:ID" nillable="true"/>`,
    `<any namespace="##targetNamespace" minOccurs="0" maxOccurs="unbounded" processContents="lax"/>`,
  ].join("");
  return schema("urn:sobject.partner.soap.sforce.com", `<import namespace="urn:partner.soap.sforce.com"/><complexType name="sObject"><sequence>${elements}</sequence></complexType>`);
}

function partnerSchema(): string {
  const id = `<simpleType name="ID"><restriction base="xsd:string"><length value="18"/><pattern value="[a-zA-Z0-9]{18}"/></restriction></simpleType>`;
  const types = Object.entries(TYPES).map(([name, type]) => `<complexType name="${name}">${sequence(type)}</complexType>`);
  const headers = Object.entries(HEADERS).map(([name, type]) => element(name, type));
  const operations = Object.entries(OPERATION_TYPES).flatMap(([name, [input, output]]) => [element(name, input), element(`${name}Response`, output)]);
  const imported = `<import namespace="urn:sobject.partner.soap.sforce.com"/>`;
  return schema("urn:partner.soap.sforce.com", [imported, id, ...types, ...headers, ...operations].join("\n"));
}

function faultSchema(): string {
  const fault = `<complexType name="ApiFault">${sequence({ exceptionCode: "xsd:string", exceptionMessage: "xsd:string" })}</complexType>`;
  return schema("urn:fault.partner.soap.sforce.com", `${fault}<element name="fault" type="fns:ApiFault"/>`);
}

function schema(namespace: string, content: string): string {
  return `<schema elementFormDefault="qualified" xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="${namespace}">${content}</schema>`;
}

function element(name: string, type: WsdlType): string {
  return `<element name="${name}"><complexType>${sequence(type)}</complexType></element>`;
}

function sequence(type: WsdlType): string {
  const elements = Object.entries(type).map(([name, notation]) => {
    const bare = notation.replace(/[?*]$/, "");
    const many = notation.endsWith("*") ? ` minOccurs="0" maxOccurs="unbounded"` : "";
    const nillable = notation.endsWith("?") ? ` nillable="true" minOccurs="0"` : "";
    return `<element name="${name}" type="${bare}"${many}${nillable}/>`;
  });
  return `<sequence>${elements.join("")}</sequence>`;
}

function messages(): string {
  const headers = Object.keys(HEADERS).map((name) => `<part element="tns:${name}" name="${name}"/>`);
  const operations = Object.keys(OPERATION_TYPES).map(
    (name) => `<message name="${name}Request"><part element="tns:${name}" name="parameters"/></message><message name="${name}Response"><part element="tns:${name}Response" name="parameters"/></message>`,
  );
  const fault = `<message name="ApiFault"><part name="fault" element="fns:fault"/></message>`;
  return [`<message name="Header">${headers.join("")}</message>`, ...operations, fault].join("\n");
}

function portType(): string {
  const operations = Object.keys(OPERATION_TYPES).map(
    (name) => `<operation name="${name}"><input message="tns:${name}Request"/><output message="tns:${name}Response"/><fault message="tns:ApiFault" name="ApiFault"/></operation>`,
  );
  return `<portType name="Soap">${operations.join("\n")}</portType>`;
}

function binding(): string {
  const header = (name: string): string => `<soap:header use="literal" message="tns:Header" part="${name}"/>`;
  const headers = ["SessionHeader", "AllOrNoneHeader", "AssignmentRuleHeader", "DuplicateRuleHeader", "QueryOptions"].map(header).join("");
  const operations = Object.keys(OPERATION_TYPES).map((name) => {
    const own = name === "login" ? "" : headers;
    const output = `<output>${name === "login" ? "" : header("LimitInfoHeader")}<soap:body use="literal" parts="parameters"/></output>`;
    return `<operation name="${name}"><soap:operation soapAction=""/><input>${own}<soap:body use="literal" parts="parameters"/></input>${output}<fault name="ApiFault"><soap:fault name="ApiFault" use="literal"/></fault></operation>`;
  });
  return `<binding name="SoapBinding" type="tns:Soap"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>${operations.join("\n")}</binding>`;
}
